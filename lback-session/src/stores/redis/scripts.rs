//! What Redis runs. A script is sent once, and called by its hash from then on.

use std::sync::LazyLock;

use ::redis::Script;

macro_rules! scripts {
    ($($name:ident $file:literal;)*) => {$(
        pub(super) static $name: LazyLock<Script> =
            LazyLock::new(|| Script::new(concat!(include_str!("users.lua"), include_str!($file))));
    )*};
}

scripts! {
    CREATE "create.lua";
    UPDATE "update.lua";
    RENEW "renew.lua";
    DELETE "delete.lua";
    FOR_USER "for_user.lua";
    REVOKE_USER "revoke_user.lua";
}
