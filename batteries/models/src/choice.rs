//! What [`#[derive(Choices)]`](derive@crate::Choices) needs at run time.

use std::fmt;

/// The error of a text that is not a choice.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NotAChoice {
    text: String,
    choices: &'static [&'static str],
}

impl NotAChoice {
    /// Returns the error for a text.
    pub fn new(text: &str, choices: &'static [&'static str]) -> Self {
        NotAChoice { text: text.to_owned(), choices }
    }
}

impl fmt::Display for NotAChoice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} is not a choice; the choices are {}", self.text, self.choices.join(", "))
    }
}

impl std::error::Error for NotAChoice {}

/// Lets an enum be compared with columns, bound and read by Diesel, as a text.
#[doc(hidden)]
#[macro_export]
macro_rules! __choice_expressions {
    ($Choice:ty) => {
        $crate::__choice_expressions!(@as $Choice, $Choice, $crate::diesel::sql_types::Text);
        $crate::__choice_expressions!(@as $Choice, $Choice, $crate::diesel::sql_types::Nullable<$crate::diesel::sql_types::Text>);
        $crate::__choice_expressions!(@as $Choice, &'_ $Choice, $crate::diesel::sql_types::Text);
        $crate::__choice_expressions!(@as $Choice, &'_ $Choice, $crate::diesel::sql_types::Nullable<$crate::diesel::sql_types::Text>);

        impl<__DB: $crate::diesel::backend::Backend> $crate::diesel::serialize::ToSql<$crate::diesel::sql_types::Text, __DB> for $Choice
        where
            str: $crate::diesel::serialize::ToSql<$crate::diesel::sql_types::Text, __DB>,
        {
            fn to_sql<'b>(&'b self, out: &mut $crate::diesel::serialize::Output<'b, '_, __DB>) -> $crate::diesel::serialize::Result {
                <str as $crate::diesel::serialize::ToSql<$crate::diesel::sql_types::Text, __DB>>::to_sql(self.as_str(), out)
            }
        }

        impl<__DB: $crate::diesel::backend::Backend> $crate::diesel::deserialize::FromSql<$crate::diesel::sql_types::Text, __DB> for $Choice
        where
            ::std::string::String: $crate::diesel::deserialize::FromSql<$crate::diesel::sql_types::Text, __DB>,
        {
            fn from_sql(value: __DB::RawValue<'_>) -> $crate::diesel::deserialize::Result<Self> {
                let text = <::std::string::String as $crate::diesel::deserialize::FromSql<
                    $crate::diesel::sql_types::Text,
                    __DB,
                >>::from_sql(value)?;
                ::core::result::Result::Ok(::core::str::FromStr::from_str(&text)?)
            }
        }

        impl<__DB: $crate::diesel::backend::Backend> $crate::diesel::deserialize::Queryable<$crate::diesel::sql_types::Text, __DB> for $Choice
        where
            Self: $crate::diesel::deserialize::FromSql<$crate::diesel::sql_types::Text, __DB>,
        {
            type Row = Self;
            fn build(row: Self) -> $crate::diesel::deserialize::Result<Self> {
                ::core::result::Result::Ok(row)
            }
        }
    };
    (@as $Choice:ty, $Given:ty, $Sql:ty) => {
        impl $crate::diesel::expression::AsExpression<$Sql> for $Given {
            type Expression = <&'static str as $crate::diesel::expression::AsExpression<$Sql>>::Expression;
            fn as_expression(self) -> Self::Expression {
                $crate::diesel::expression::AsExpression::<$Sql>::as_expression(self.as_str())
            }
        }
    };
}
