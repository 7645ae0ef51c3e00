//! The settings of a job as options of `sbatch`.

use std::time::Duration;

use crate::stages::Slurm;

/// The options that say what a job needs.
pub(super) fn options(settings: &Slurm) -> Vec<String> {
    let Slurm { partition, account, qos, gpus, cpus, memory, time, extra, max_jobs: _ } = settings;
    let mut options = vec!["--ntasks=1".to_owned(), "--nodes=1".to_owned()];
    let mut add =
        |name: &str, value: Option<String>| options.extend(value.map(|value| format!("--{name}={value}")));
    add("partition", partition.clone());
    add("account", account.clone());
    add("qos", qos.clone());
    add("gpus", gpus.filter(|gpus| *gpus > 0).map(|gpus| gpus.to_string()));
    add("cpus-per-task", cpus.map(|cpus| cpus.to_string()));
    add("mem", memory.map(|memory| format!("{}K", memory.0.div_ceil(1024))));
    add("time", time.map(|time| limit(time.0)));
    options.extend(extra.iter().cloned());
    options
}

/// Minutes and seconds. Slurm rounds up to minutes.
fn limit(time: Duration) -> String {
    format!("{}:{:02}", time.as_secs() / 60, time.as_secs() % 60)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str) -> Vec<String> {
        let options = options(&toml::from_str(text).unwrap());
        assert_eq!(options[..2], ["--ntasks=1", "--nodes=1"]);
        options[2..].to_vec()
    }

    #[test]
    fn only_what_is_set_is_an_option() {
        assert!(of("").is_empty() && of("gpus = 0").is_empty());
        let text =
            "partition = 'gpu'\ngpus = 2\ncpus = 8\nmemory = '1GB'\ntime = '4h 30s'\nextra = ['--exclusive']";
        let expected = [
            "--partition=gpu",
            "--gpus=2",
            "--cpus-per-task=8",
            "--mem=976563K",
            "--time=240:30",
            "--exclusive",
        ];
        assert_eq!(of(text), expected);
    }
}
