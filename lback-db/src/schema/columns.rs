//! The columns of a table that `diesel::table!` declares.

use diesel::Expression;

use super::Column;
use super::types::expected;

/// The columns of a table, as a tuple of Diesel's types; up to 64 of them.
#[diagnostic::on_unimplemented(
    message = "the columns of this table cannot be listed",
    note = "tables![…] takes tables of up to 64 columns that diesel::table! declares; leave a larger one out"
)]
pub trait Columns {
    /// Returns the columns.
    fn describe() -> Vec<Column>;
}

fn column<C>() -> Column
where
    C: diesel::Column,
    <C as Expression>::SqlType: 'static,
{
    let (of_type, nullable) = expected::<<C as Expression>::SqlType>();
    Column { name: C::NAME, of_type, nullable }
}

/// Implements [`Columns`] for the tuple of all names, for that of all but the first, and so on.
macro_rules! tuples {
    () => {};
    ($first:ident $($rest:ident)*) => {
        impl<$first, $($rest),*> Columns for ($first, $($rest,)*)
        where
            $first: diesel::Column,
            <$first as Expression>::SqlType: 'static,
            $($rest: diesel::Column, <$rest as Expression>::SqlType: 'static,)*
        {
            fn describe() -> Vec<Column> {
                vec![column::<$first>(), $(column::<$rest>()),*]
            }
        }
        tuples!($($rest)*);
    };
}

tuples!(
    C1 C2 C3 C4 C5 C6 C7 C8 C9 C10 C11 C12 C13 C14 C15 C16 C17 C18 C19 C20 C21 C22 C23 C24 C25 C26 C27 C28 C29 C30 C31 C32
    C33 C34 C35 C36 C37 C38 C39 C40 C41 C42 C43 C44 C45 C46 C47 C48 C49 C50 C51 C52 C53 C54 C55 C56 C57 C58 C59 C60 C61 C62 C63 C64
);
