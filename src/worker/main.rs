//! The `pcamflow-worker` binary: loads libtorch and serves stages.

fn main() {
    tch::manual_seed(1);
}
