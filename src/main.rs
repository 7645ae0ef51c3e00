//! The `pcamflow` binary: hands over to the command line of the library.

fn main() {}
