//! Accounts: the pages on which users register, log in, reset a password and manage their account.

#[doc(inline)]
pub use lback_accounts::AppAccounts;
