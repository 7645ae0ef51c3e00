//! The `pcamflow` binary: hands over to the command line of the library.

fn main() -> std::process::ExitCode {
    pcamflow::cli::main(std::env::args_os())
}
