//! Tables of different crates in one query.
//!
//! Diesel accepts two tables in one query if each is declared to [differ](diesel::query_source::TableNotEqual) from the other, and
//! its own macro declares that for every pair of a list. Here each table has a number at the type level, a hash of its path, and
//! differs from every table with another number. So one declaration per table is enough, whatever crate the others are in.

use std::marker::PhantomData;

/// Lets tables that `diesel::table!` declares appear in one query: with each other, with those of the framework and of batteries
/// (`auth_users`, `sessions` …), and with those of every other crate that uses this macro.
///
/// ```
/// # use lback::db::joinable_tables;
/// # use lback::diesel;
/// # mod battery {
/// #     lback::diesel::table! { auth_users (id) { id -> BigInt, username -> Text, } }
/// #     lback::db::joinable_tables![auth_users];
/// # }
/// # use battery::auth_users;
/// use diesel::prelude::*;
///
/// diesel::table! {
///     posts (id) {
///         id -> BigInt,
///         author_id -> BigInt,
///     }
/// }
/// joinable_tables![posts];
/// diesel::joinable!(posts -> auth_users (author_id));
///
/// let names = posts::table.inner_join(auth_users::table).select(auth_users::username);
/// # let _ = names;
/// ```
///
/// It takes the place of `diesel::allow_tables_to_appear_in_same_query!` for these tables; do not list a table in both.
#[macro_export]
macro_rules! joinable_tables {
    ($($($part:ident)::+),* $(,)?) => {$(
        const _: () = {
            const NUMBER: u64 = $crate::schema::joins::number(concat!(module_path!(), "::", stringify!($($part)::+)));
            type Key = $crate::__table_key!(
                NUMBER;
                0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22 23 24 25 26 27 28 29 30 31 32 33 34 35 36 37 38 39 40 41 42 43
                44 45 46 47 48 49 50 51 52 53 54 55 56 57 58 59 60 61 62 63
            );

            impl<Asking> $crate::schema::joins::TableKey<Asking> for $($part)::+::table {
                type Key = Key;
            }

            impl<Other> $crate::diesel::query_source::TableNotEqual<Other> for $($part)::+::table
            where
                Other: $crate::diesel::Table + $crate::schema::joins::TableKey<$($part)::+::table>,
                Key: $crate::schema::joins::Differs<Other::Key, $($part)::+::table>,
            {
            }
        };
    )*};
}

#[doc(hidden)]
#[macro_export]
macro_rules! __table_key {
    ($number:ident;) => {
        $crate::schema::joins::End
    };
    ($number:ident; $bit:literal $($more:literal)*) => {
        $crate::schema::joins::Bit<{ $crate::schema::joins::bit($number, $bit) }, $crate::__table_key!($number; $($more)*)>
    };
}

/// A table with a number at the type level.
///
/// `Asking` is the table that compares. It belongs to the crate that asks, and that is how the compiler knows that no other crate
/// can make two equal numbers differ.
#[doc(hidden)]
#[diagnostic::on_unimplemented(
    message = "the table `{Self}` cannot appear in one query with others",
    note = "declare it with `joinable_tables![…]`, and remove it from `allow_tables_to_appear_in_same_query!`"
)]
pub trait TableKey<Asking> {
    /// The number.
    type Key;
}

/// The end of a number.
#[doc(hidden)]
#[derive(Debug)]
pub struct End;

/// A bit of a number, and the bits after it.
#[doc(hidden)]
#[derive(Debug)]
pub struct Bit<const BIT: bool, More>(PhantomData<More>);

/// Two numbers that are not equal.
#[doc(hidden)]
#[diagnostic::on_unimplemented(message = "a table appears twice in one query", note = "`diesel::alias!` gives it a second name")]
pub trait Differs<Other, Asking> {}

impl<A, B, Asking> Differs<Bit<true, B>, Asking> for Bit<false, A> {}
impl<A, B, Asking> Differs<Bit<false, B>, Asking> for Bit<true, A> {}
impl<A: Differs<B, Asking>, B, Asking> Differs<Bit<false, B>, Asking> for Bit<false, A> {}
impl<A: Differs<B, Asking>, B, Asking> Differs<Bit<true, B>, Asking> for Bit<true, A> {}

/// Returns a hash of a table's path (FNV-1a).
#[doc(hidden)]
pub const fn number(path: &str) -> u64 {
    let (bytes, mut hash, mut at) = (path.as_bytes(), 0xcbf2_9ce4_8422_2325_u64, 0);
    while at < bytes.len() {
        hash = (hash ^ bytes[at] as u64).wrapping_mul(0x0000_0100_0000_01b3);
        at += 1;
    }
    hash
}

/// Returns one bit of a number.
#[doc(hidden)]
pub const fn bit(number: u64, at: u32) -> bool {
    number >> at & 1 == 1
}
