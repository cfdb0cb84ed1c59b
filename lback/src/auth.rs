//! Users: logins, passwords, API tokens, groups, permissions, and guards for routes.

#[doc(inline)]
pub use lback_auth::{
    Account, AppAuth, Auth, AuthMiddleware, AuthSettings, Group, Guard, LoginInfo, LoginRefused, NameConflict, NewGroup, NewPermission,
    NewToken, NewUser, PasswordRule, PasswordRules, Passwords, Permission, RateLimit, RequestAuth, Requirement, Right, RouteAuth,
    RoutePermissions, RouteTokens, RouterAuth, SetupAuth, Throttled, Token, User, auth_groups, auth_permissions, auth_tokens, auth_users,
    auth_users_groups, check_email, check_username, clean_attempts, declare_permissions, email_key, safe_next, update_name_keys,
    username_key,
};
