//! The macros that declare parameters. A field is declared once, with its default.
//!
//! The type, its reading from TOML, its canonical form, its JSON Schema and its documentation follow from one
//! declaration, so that none of them can miss a field. `parameters!` makes a stage's table, `settings!` a nested
//! table, `choice!` an enum (`method.grad-cam = { ... }`), and `table!` a table that is no part of a key by
//! itself.

/// Declares a struct that is read from a table, and the JSON Schema of the table. A field with a default may be
/// absent, as far as serde's attributes allow it.
macro_rules! table {
    (
        $(#[doc = $about:literal])+
        $(#[derive($($derive:ident),+)])?
        $(#[serde($($serde:tt)+)])?
        $vis:vis struct $name:ident {
            $(
                $(#[doc = $doc:literal])+
                $(#[serde($($of_field:tt)+)])?
                $field:ident : $type:ty $(= $default:expr)? ;
            )*
        }
    ) => {
        $(#[doc = $about])+
        #[derive(Debug, Clone, PartialEq, ::serde::Serialize, ::serde::Deserialize)]
        $(#[derive($($derive),+)])?
        #[serde(rename_all = "kebab-case", deny_unknown_fields)]
        $(#[serde($($serde)+)])?
        $vis struct $name {
            $( $(#[doc = $doc])+ $(#[serde($($of_field)+)])? $vis $field: $type, )*
        }

        impl $crate::stages::Schema for $name {
            fn schema() -> ::serde_json::Value {
                $crate::stages::schema::table(concat!($($about),+), vec![
                    $( $crate::stages::declare::schema_field!($field, concat!($($doc),+), $type $(, $default)?) ),*
                ])
            }
        }
    };
}

/// Declares the table of one stage kind. Every field has a class:
/// `input` (enters the key by content), `semantic` (enters it by value), `inherited` (semantic, and taken from
/// `[pipeline]` where the stage does not set it), `execution` (no part of the key).
macro_rules! parameters {
    (
        $(#[doc = $about:literal])+
        pub struct $name:ident {
            $( $(#[doc = $doc:literal])+ $class:ident $field:ident : $type:ty $(= $default:expr)? ; )*
        }
    ) => {
        $crate::stages::declare::table! {
            $(#[doc = $about])+
            pub struct $name { $( $(#[doc = $doc])+ $field: $type $(= $default)?; )* }
        }

        impl $crate::stages::Parameters for $name {
            const FIELDS: &'static [$crate::stages::Field] = &[ $( $crate::stages::Field {
                name: stringify!($field),
                class: $crate::stages::declare::class!($class),
                doc: concat!($($doc),+),
            } ),* ];

            fn read(reader: &mut $crate::stages::Reader<'_>) -> Option<Self> {
                $( let $field = $crate::stages::declare::read_field!(reader, $field, $type $(, $default)?); )*
                Some(Self { $( $field: $field?, )* })
            }

            #[allow(unused_variables, reason = "a table without semantic fields writes no line")]
            fn semantic(&self, lines: &mut $crate::stages::Lines) {
                $( $crate::stages::declare::semantic!($class, write_field, lines, "", self.$field, $field, $type $(, $default)?); )*
            }

            #[allow(unused_variables, reason = "a table without defaults writes no line")]
            fn defaults(lines: &mut $crate::stages::Lines) {
                $( $crate::stages::declare::semantic!($class, write_default, lines, $field, $type $(, $default)?); )*
            }
        }
    };
}

/// Declares a nested table with semantic fields. Either every field has a default, or none has.
macro_rules! settings {
    (
        $(#[doc = $about:literal])+
        pub struct $name:ident {
            $(
                $(#[doc = $doc:literal])+
                $(#[serde($($of_field:tt)+)])?
                $field:ident : $type:ty = $default:expr ;
            )*
        }
    ) => {
        impl Default for $name {
            fn default() -> Self {
                Self { $( $field: $default, )* }
            }
        }

        $crate::stages::declare::settings! {
            $(#[doc = $about])+
            #[serde(default)]
            pub struct $name {
                $( $(#[doc = $doc])+ $(#[serde($($of_field)+)])? $field: $type = $default; )*
            }
        }
    };
    (
        $(#[doc = $about:literal])+
        $(#[serde($serde:ident)])?
        pub struct $name:ident {
            $(
                $(#[doc = $doc:literal])+
                $(#[serde($($of_field:tt)+)])?
                $field:ident : $type:ty $(= $default:expr)? ;
            )*
        }
    ) => {
        $crate::stages::declare::table! {
            $(#[doc = $about])+
            $(#[serde($serde)])?
            pub struct $name {
                $( $(#[doc = $doc])+ $(#[serde($($of_field)+)])? $field: $type $(= $default)?; )*
            }
        }

        impl $crate::stages::Canonical for $name {
            fn write(&self, path: &str, lines: &mut $crate::stages::Lines) {
                // The table itself is a line: a table that sets nothing differs from an absent one.
                lines.put(path, "{}");
                $( $crate::stages::declare::write_field!(lines, path, self.$field, $field, $type $(, $default)?); )*
            }
        }
    };
}

/// Declares an enum, either of variants that each have a table (`variant = { ... }`) or of plain words. The
/// canonical form always contains the name of the variant.
macro_rules! choice {
    (
        $(#[doc = $about:literal])+
        pub enum $name:ident {
            $( $(#[doc = $doc:literal])+ $variant:ident($type:ty) = $text:literal , )+
        }
    ) => {
        $(#[doc = $about])+
        #[derive(Debug, Clone, PartialEq, ::serde::Serialize, ::serde::Deserialize)]
        pub enum $name {
            $( $(#[doc = $doc])+ #[serde(rename = $text)] $variant($type), )+
        }

        impl $crate::stages::Canonical for $name {
            fn write(&self, path: &str, lines: &mut $crate::stages::Lines) {
                match self {
                    $( Self::$variant(settings) => {
                        $crate::stages::Canonical::write(settings, &$crate::stages::join(path, $text), lines);
                        lines.put(path, $text);
                    } )+
                }
            }
        }

        impl $crate::stages::Schema for $name {
            fn schema() -> ::serde_json::Value {
                $crate::stages::schema::one_table(concat!($($about),+), vec![
                    $( ($text, concat!($($doc),+), <$type as $crate::stages::Schema>::schema()) ),+
                ])
            }
        }

        impl $name {
            /// The word for this choice in a pipeline file.
            #[must_use]
            pub fn word(&self) -> &'static str {
                match self { $( Self::$variant(_) => $text, )+ }
            }
        }
    };
    (
        $(#[doc = $about:literal])+
        pub enum $name:ident {
            $( $(#[doc = $doc:literal])+ $variant:ident = $text:literal , )+
        }
    ) => {
        $(#[doc = $about])+
        #[derive(Debug, Clone, Copy, PartialEq, Eq, ::serde::Serialize, ::serde::Deserialize)]
        pub enum $name {
            $( $(#[doc = $doc])+ #[serde(rename = $text)] $variant, )+
        }

        impl $crate::stages::Canonical for $name {
            fn write(&self, path: &str, lines: &mut $crate::stages::Lines) {
                lines.put(path, self.word());
            }
        }

        impl $crate::stages::Schema for $name {
            fn schema() -> ::serde_json::Value {
                $crate::stages::schema::one_word(concat!($($about),+), &[ $( ($text, concat!($($doc),+)) ),+ ])
            }
        }

        impl $name {
            /// The word for this choice in a pipeline file.
            #[must_use]
            pub fn word(self) -> &'static str {
                match self { $( Self::$variant => $text, )+ }
            }
        }
    };
}

macro_rules! class {
    (input) => {
        $crate::stages::Class::Input
    };
    (semantic) => {
        $crate::stages::Class::Semantic
    };
    (inherited) => {
        $crate::stages::Class::Inherited
    };
    (execution) => {
        $crate::stages::Class::Execution
    };
}

macro_rules! read_field {
    ($reader:ident, $field:ident, $type:ty, $default:expr) => {
        $reader.optional::<$type>(stringify!($field), || $default)
    };
    ($reader:ident, $field:ident, $type:ty) => {
        $reader.required::<$type>(stringify!($field))
    };
}

macro_rules! schema_field {
    ($field:ident, $doc:expr, $type:ty, $default:expr) => {{
        let default: $type = $default;
        $crate::stages::schema::optional::<$type>(stringify!($field), $doc, &default)
    }};
    ($field:ident, $doc:expr, $type:ty) => {
        $crate::stages::schema::required::<$type>(stringify!($field), $doc)
    };
}

/// Calls a macro for fields that enter the key by value.
macro_rules! semantic {
    (input, $($rest:tt)*) => {};
    (execution, $($rest:tt)*) => {};
    ($class:ident, $macro:ident, $($rest:tt)*) => { $crate::stages::declare::$macro!($($rest)*); };
}

macro_rules! write_field {
    ($lines:ident, $path:expr, $value:expr, $field:ident, $type:ty, $default:expr) => {{
        let default: $type = $default;
        if $lines.has_defaults() || $value != default {
            $crate::stages::declare::write_field!($lines, $path, $value, $field, $type);
        }
    }};
    ($lines:ident, $path:expr, $value:expr, $field:ident, $type:ty) => {{
        let path = $crate::stages::join($path, &$crate::stages::kebab(stringify!($field)));
        $crate::stages::Canonical::write(&$value, &path, $lines);
    }};
}

macro_rules! write_default {
    ($lines:ident, $field:ident, $type:ty) => {};
    ($lines:ident, $field:ident, $type:ty, $default:expr) => {{
        let default: $type = $default;
        $crate::stages::declare::write_field!($lines, "", default, $field, $type);
    }};
}

pub(crate) use {
    choice, class, parameters, read_field, schema_field, semantic, settings, table, write_default,
    write_field,
};
