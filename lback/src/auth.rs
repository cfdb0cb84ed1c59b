//! Users: logins, passwords, groups, permissions, and guards for routes.

#[doc(inline)]
pub use lback_auth::{
    Account, AppAuth, Auth, AuthMiddleware, AuthSettings, Group, Guard, LoginInfo, LoginRefused, NameConflict, NewGroup, NewPermission,
    NewUser, PasswordRule, PasswordRules, Passwords, Permission, RateLimit, RequestAuth, Requirement, Right, RouteAuth, RoutePermissions,
    RouterAuth, SetupAuth, Throttled, User, auth_groups, auth_permissions, auth_users, auth_users_groups, check_email, check_username,
    clean_attempts, declare_permissions, email_key, safe_next, update_name_keys, username_key,
};
