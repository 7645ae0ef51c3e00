//! The number formats of arrays, in the file and in Rust.

use hdf5::types::{FloatSize, IntSize, TypeDescriptor};

#[cfg(target_endian = "big")]
compile_error!("arrays are written as little-endian bytes under the machine's own number types");

/// The number formats of arrays.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs)] // named as in Rust
pub enum Element {
    U8,
    I32,
    I64,
    F32,
    F64,
}

impl Element {
    /// Bytes of an element.
    pub(super) fn bytes(self) -> usize {
        match self {
            Self::U8 => 1,
            Self::I32 | Self::F32 => 4,
            Self::I64 | Self::F64 => 8,
        }
    }

    /// Its type in HDF5.
    pub(super) fn descriptor(self) -> TypeDescriptor {
        match self {
            Self::U8 => TypeDescriptor::Unsigned(IntSize::U1),
            Self::I32 => TypeDescriptor::Integer(IntSize::U4),
            Self::I64 => TypeDescriptor::Integer(IntSize::U8),
            Self::F32 => TypeDescriptor::Float(FloatSize::U4),
            Self::F64 => TypeDescriptor::Float(FloatSize::U8),
        }
    }
}

/// A Rust number that can be an element of an array.
pub trait Scalar: Copy {
    /// Its number format.
    const ELEMENT: Element;
    /// Appends its bytes, little-endian.
    fn put(self, bytes: &mut Vec<u8>);
}

macro_rules! scalar {
    ($($type:ty => $element:ident),*) => { $(
        impl Scalar for $type {
            const ELEMENT: Element = Element::$element;
            fn put(self, bytes: &mut Vec<u8>) {
                bytes.extend_from_slice(&self.to_le_bytes());
            }
        }
    )* };
}
scalar!(u8 => U8, i32 => I32, i64 => I64, f32 => F32, f64 => F64);
