fn main() {
    if std::env::args().nth(1).as_deref() == Some("cli") {
        let _ = pcamflow::cli::main(std::env::args_os().skip(1));
        return;
    }
    let a: Vec<String> = std::env::args().collect();
    let (stages, width, folder) =
        (a[1].parse::<usize>().unwrap(), a[2].parse::<usize>().unwrap(), std::path::PathBuf::from(&a[3]));
    std::fs::create_dir_all(folder.join("data")).unwrap();
    let mut text = String::from("[pipeline]\nname = 'bench'\n");
    for i in 0..width {
        for k in ["x", "y"] {
            std::fs::write(folder.join(format!("data/s{i}.{k}")), format!("source {i}{k}\n").repeat(50))
                .unwrap();
        }
    }
    for n in 0..stages {
        let (l, i) = (n / width, n % width);
        text.push_str(&format!("[train.l{l}_{i}]\ndata = {{ train = {{ x = 's{i}.x', y = 's{i}.y' }}, validation = {{ x = 's{i}.y', y = 's{i}.x' }} }}\nepochs = 1\n"));
        if l > 0 {
            text.push_str(&format!("weights = 'train.l{}_{}'\n", l - 1, (i + 7) % width));
        }
    }
    let file = folder.join("p.toml");
    std::fs::create_dir_all(folder.join(".pcamflow")).unwrap();
    std::fs::write(&file, text).unwrap();
    std::thread::sleep(std::time::Duration::from_millis(100));
    let pipeline = pcamflow::pipeline::load(&file, &Default::default()).unwrap();
    let store = pcamflow::store::Store::open(&folder.join(".pcamflow"), Default::default()).unwrap();
    let engine = pcamflow::engine::Engine::new(&pipeline, &store, Default::default()).unwrap();
    struct No;
    impl pcamflow::engine::event::Observer for No {
        fn event(&mut self, e: &pcamflow::engine::event::Event) {
            if let pcamflow::engine::event::Event::Failed(f) = e {
                println!("{f:?}");
            }
        }
    }
    let t = std::time::Instant::now();
    let s = engine
        .run(&folder.join("out"), &pcamflow::engine::exec::fake::Fake::echo(), &Default::default(), &mut No)
        .unwrap();
    println!("{} finished, {} failed, {:?}", s.finished.len(), s.failed.len(), t.elapsed());
}
