//! Users: logins, passwords, groups, permissions, and guards for routes.

#[cfg(feature = "auth-pages")]
#[doc(inline)]
pub use lback_auth::urls;
#[doc(inline)]
pub use lback_auth::{
    Account, AppAuth, Auth, AuthMiddleware, AuthSettings, Group, Guard, LoginRefused, NewUser, PasswordRule, PasswordRules, Passwords,
    Permission, RequestAuth, Requirement, RouteAuth, RouterAuth, Throttled, User, auth_groups, auth_permissions, auth_users,
    auth_users_groups, check_email, check_username, clean_attempts, declare_permissions, email_key, safe_next, update_name_keys,
    username_key,
};
