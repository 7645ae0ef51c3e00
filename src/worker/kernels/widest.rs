//! Compiles a loop for several instruction sets, and chooses when the program runs. The program itself is for every
//! x86-64. Rust contracts and reorders nothing, so the results are the same bits.

/// Defines a function of slices and numbers, whose body is compiled for AVX-512, for AVX2, and for any machine. It may
/// have one type parameter.
macro_rules! widest {
    ($(#[$about:meta])* $visible:vis fn $name:ident $(<$type_of:ident: $bound:ident>)? ($($argument:ident: $type:ty),* $(,)?) $body:block) => {
        $(#[$about])*
        $visible fn $name $(<$type_of: $bound>)? ($($argument: $type),*) {
            #[inline(always)]
            fn any $(<$type_of: $bound>)? ($($argument: $type),*) $body
            #[cfg(target_arch = "x86_64")]
            {
                #[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,fma")]
                fn avx512 $(<$type_of: $bound>)? ($($argument: $type),*) { any($($argument),*) }
                #[target_feature(enable = "avx2,fma")]
                fn avx2 $(<$type_of: $bound>)? ($($argument: $type),*) { any($($argument),*) }
                if is_x86_feature_detected!("avx512f")
                    && is_x86_feature_detected!("avx512bw")
                    && is_x86_feature_detected!("avx512dq")
                    && is_x86_feature_detected!("avx512vl")
                    && is_x86_feature_detected!("fma")
                {
                    // SAFETY: the processor has these instructions.
                    return unsafe { avx512($($argument),*) };
                }
                if is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma") {
                    // SAFETY: as above.
                    return unsafe { avx2($($argument),*) };
                }
            }
            any($($argument),*);
        }
    };
}

pub(super) use widest;
