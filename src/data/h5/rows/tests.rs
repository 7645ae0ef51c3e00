//! Rows of bytes in every layout, damaged and of other shapes.

use hdf5::DatasetBuilder;
use ndarray::{ArrayD, s};
use proptest::prelude::*;

use super::*;
use crate::data::fixtures::{Files, MASK_BYTES, PATCH_BYTES, damage, patch, patches};

fn open(source: &Source) -> Result<Rows> {
    Rows::patches(&H5File::open(source)?)
}

fn message(result: Result<Rows>) -> String {
    format!("{:#}", result.unwrap_err())
}

type Build = fn(DatasetBuilder) -> DatasetBuilder;

const LAYOUTS: [(&str, Build); 9] = [
    ("contiguous", |plain| plain),
    ("chunks", |plain| plain.chunk((4, 96, 96, 3))),
    ("gzip, a chunk a patch", |plain| plain.chunk((1, 96, 96, 3)).deflate(1)),
    ("gzip", |plain| plain.chunk((4, 96, 96, 3)).deflate(6)),
    ("shuffle and gzip", |plain| plain.chunk((4, 96, 96, 3)).shuffle().deflate(6)),
    ("as h5py cuts", |plain| plain.chunk((8, 12, 12, 1)).deflate(4)),
    ("askew", |plain| plain.chunk((3, 50, 7, 2)).deflate(1)),
    ("one chunk", |plain| plain.chunk((11, 96, 96, 3)).deflate(1)),
    ("gzip and checksums, by the library", |plain| plain.chunk((4, 96, 50, 3)).deflate(1).fletcher32()),
];

#[test]
fn every_layout_gives_the_same_bytes_in_any_order() {
    let expected: Vec<Vec<u8>> = (0..11).map(patch).collect();
    for (name, build) in LAYOUTS {
        let files = Files::new();
        let rows = open(&files.patches("x.h5", 11, build)).unwrap();
        assert_eq!(rows.len(), 11);
        for wanted in [vec![10], vec![0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10], vec![7, 7, 2, 10, 0, 7], vec![]] {
            let mut out = vec![0; wanted.len() * PATCH_BYTES];
            rows.read(&wanted, &mut out).unwrap();
            for (bytes, &row) in out.chunks(PATCH_BYTES).zip(&wanted) {
                assert!(bytes == expected[row as usize], "{name}: row {row} of {wanted:?}");
            }
        }
    }
}

#[test]
fn rows_that_were_never_written_are_known() {
    let files = Files::new();
    let builds: [Build; 4] = [
        |plain| plain,
        |plain| plain.chunk((2, 96, 96, 3)),
        |plain| plain.chunk((2, 96, 50, 3)).deflate(1),
        |plain| plain.chunk((2, 96, 96, 1)).fletcher32(),
    ];
    for build in builds {
        let file = hdf5::File::create(files.path("x.h5")).unwrap();
        let dataset = build(file.new_dataset_builder())
            .fill_value(9_u8)
            .empty::<u8>()
            .shape((6, 96, 96, 3))
            .create("x")
            .unwrap();
        let chunked = dataset.is_chunked();
        if chunked {
            dataset.write_slice(patches(2).view(), s![2..4, .., .., ..]).unwrap();
        }
        drop(dataset);
        file.close().unwrap();
        let opened = open(&files.source("x.h5"));
        if !chunked {
            let error = message(opened);
            assert!(error.contains("x.h5") && error.contains("dataset `x` was never written"), "{error}");
            continue;
        }
        let rows = opened.unwrap();
        let mut out = vec![0; 2 * PATCH_BYTES];
        rows.read(&[5, 3], &mut out).unwrap();
        assert!(out[..PATCH_BYTES].iter().all(|&byte| byte == 9));
        assert!(out[PATCH_BYTES..] == patch(1));
        let unwritten: Vec<u64> = (0..6).filter(|&row| rows.is_unwritten(row)).collect();
        assert_eq!(unwritten, [0, 1, 4, 5]);
    }
}

#[test]
fn a_partly_written_row_counts_as_unwritten() {
    let files = Files::new();
    let file = hdf5::File::create(files.path("x.h5")).unwrap();
    let builder = file.new_dataset_builder().chunk((2, 96, 96, 1));
    let dataset = builder.empty::<u8>().shape((5, 96, 96, 3)).create("x").unwrap();
    dataset.write_slice(patches(4).view(), s![..4, .., .., ..]).unwrap();
    let red = patches(1).slice(s![.., .., .., ..1]).to_owned();
    dataset.write_slice(red.view(), s![4..5, .., .., ..1]).unwrap();
    drop((dataset, file));
    let rows = open(&files.source("x.h5")).unwrap();
    assert_eq!((0..5).filter(|&row| rows.is_unwritten(row)).collect::<Vec<_>>(), [4]);
}

#[test]
fn a_file_with_a_user_block_is_read() {
    let files = Files::new();
    let builds: [Build; 2] = [|plain| plain, |plain| plain.chunk((2, 96, 96, 3)).deflate(1)];
    for build in builds {
        let file =
            hdf5::File::with_options().with_fcpl(|plist| plist.userblock(512)).create(files.path("x.h5"));
        let file = file.unwrap();
        build(file.new_dataset_builder()).with_data(&patches(3)).create("x").unwrap();
        file.close().unwrap();
        let mut out = vec![0; PATCH_BYTES];
        open(&files.source("x.h5")).unwrap().read(&[2], &mut out).unwrap();
        assert!(out == patch(2));
    }
}

#[test]
fn small_datasets_inside_the_header_are_read() {
    let files = Files::new();
    let compact = |plain: DatasetBuilder| plain.layout(hdf5::plist::dataset_create::Layout::Compact);
    let mut out = vec![0; PATCH_BYTES];
    open(&files.patches("x.h5", 2, compact)).unwrap().read(&[1], &mut out).unwrap();
    assert!(out == patch(1));
}

#[test]
fn masks_are_read_in_either_shape() {
    let files = Files::new();
    for shape in [vec![3, 96, 96], vec![3, 96, 96, 1]] {
        let masks = ArrayD::from_shape_fn(shape, |index| (index[0] + index[1]) as u8);
        let source = files.with("mask.h5", "mask", &masks, |plain| plain);
        let file = H5File::open(&source).unwrap();
        let rows = Rows::masks(&file, Length::Exactly(3)).unwrap();
        let mut out = vec![0; MASK_BYTES];
        rows.read(&[2], &mut out).unwrap();
        assert_eq!((out[0], out[MASK_BYTES - 1]), (2, 97));
        let error = Rows::masks(&file, Length::Exactly(4)).unwrap_err();
        assert!(error.to_string().ends_with("dataset `mask` has 3 rows, expected 4"), "{error}");
    }
}

#[test]
fn other_types_and_shapes_are_refused() {
    let files = Files::new();
    let float = ArrayD::<f32>::zeros(vec![2, 96, 96, 3]);
    let error = message(open(&files.with("x.h5", "x", &float, |plain| plain)));
    assert!(error.contains("dataset `x` is float32 [2, 96, 96, 3], expected uint8 [N, S, S, 3]"), "{error}");
    for shape in
        [vec![2, 3, 96, 96], vec![2, 96, 96], vec![96, 96, 3], vec![2, 96, 95, 3], vec![2, 31, 31, 3], vec![]]
    {
        let bytes = ArrayD::<u8>::zeros(shape.clone());
        let error = message(open(&files.with("x.h5", "x", &bytes, |plain| plain)));
        assert!(
            error.contains(&format!("dataset `x` is uint8 {shape:?}, expected uint8 [N, S, S, 3]")),
            "{error}"
        );
    }
    let none = ArrayD::<u8>::zeros(vec![0, 96, 96, 3]);
    assert!(
        message(open(&files.with("x.h5", "x", &none, |plain| plain))).contains("dataset `x` has no rows")
    );
}

#[test]
fn a_row_beyond_the_end_is_refused() {
    let files = Files::new();
    let error = open(&files.patches("x.h5", 2, |plain| plain)).unwrap().read(&[2], &mut vec![0; PATCH_BYTES]);
    assert!(error.unwrap_err().to_string().ends_with("dataset `x` has 2 rows, no row 2"));
}

/// Where the chunks of a file are, in the order of the rows.
fn chunks(source: &Source) -> Vec<Range<usize>> {
    let dataset = hdf5::File::open(&source.path).unwrap().dataset("x").unwrap();
    let of = |index| dataset.chunk_info(index).unwrap();
    let mut chunks: Vec<_> = (0..dataset.num_chunks().unwrap()).map(of).collect();
    chunks.sort_by_key(|chunk| chunk.offset.clone());
    chunks.iter().map(|chunk| chunk.addr as usize..(chunk.addr + chunk.size) as usize).collect()
}

#[test]
fn a_damaged_gzip_chunk_names_its_rows_wherever_the_damage_is() {
    let files = Files::new();
    let source = files.patches("x.h5", 11, |plain| plain.chunk((4, 96, 96, 3)).deflate(6));
    let whole = std::fs::read(&source.path).unwrap();
    let chunk = chunks(&source)[1].clone();
    let steps = chunk.clone().step_by(chunk.len() / 40).chain(chunk.end - 4..chunk.end);
    for at in steps.chain([chunk.start, chunk.start + 1]) {
        std::fs::write(&source.path, &whole).unwrap();
        damage(&source.path, at..at + 1);
        let rows = open(&source).unwrap();
        let error = rows.read(&[9, 4, 1], &mut vec![0; 3 * PATCH_BYTES]);
        let error = format!("{:#}", error.expect_err("damage is never read as pixels"));
        assert!(
            error.contains("x.h5") && error.contains("dataset `x`, rows 4 to 7 cannot be read"),
            "{error}"
        );
        assert!(error.contains("damaged gzip chunk"), "{error}");
        rows.read(&[0, 3, 8, 10], &mut vec![0; 4 * PATCH_BYTES]).unwrap();
    }
}

#[test]
fn a_chunk_with_wrong_checksum_names_its_rows() {
    let files = Files::new();
    let source = files.patches("x.h5", 8, |plain| plain.chunk((4, 96, 96, 3)).deflate(1).fletcher32());
    let chunk = chunks(&source)[1].clone();
    damage(&source.path, chunk.end - 9..chunk.end - 8);
    let error = open(&source).unwrap().read(&[6], &mut vec![0; PATCH_BYTES]).unwrap_err();
    assert!(format!("{error:#}").contains("rows 4 to 7 cannot be read"), "{error:#}");
}

#[test]
fn a_file_cut_short_after_it_was_opened_names_the_row() {
    let files = Files::new();
    for (name, expected, build) in [
        ("flat.h5", "row 2 cannot be read", (|plain| plain) as Build),
        ("gzip.h5", "rows 2 to 2 cannot be read", |plain| plain.chunk((1, 96, 96, 3)).deflate(1)),
    ] {
        let source = files.patches(name, 3, build);
        let rows = open(&source).unwrap();
        let file = std::fs::OpenOptions::new().write(true).open(&source.path).unwrap();
        file.set_len(file.metadata().unwrap().len() / 2).unwrap();
        let error = rows.read(&[2], &mut vec![0; PATCH_BYTES]).unwrap_err();
        assert!(format!("{error:#}").contains(expected), "{error:#}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn windows_cover_all_rows_and_cut_a_chunk_only_if_it_alone_is_too_large(
        steps in prop::collection::vec(0_u64..5, 0..60), patches in 1_usize..12,
    ) {
        thread_local! {
            static ROWS: (Files, Rows) = {
                let files = Files::new();
                let rows = open(&files.patches("x.h5", 11, |plain| plain.chunk((4, 96, 96, 3)))).unwrap();
                (files, rows)
            };
        }
        let wanted: Vec<u64> =
            steps.iter().scan(0, |row, step| { *row += step; Some(*row) }).collect();
        let windows = ROWS.with(|(_, rows)| rows.windows(&wanted, patches * PATCH_BYTES + 5));
        let mut next = 0;
        for window in &windows {
            prop_assert_eq!(window.start, next);
            prop_assert!(!window.is_empty() && window.len() <= patches);
            next = window.end;
        }
        prop_assert_eq!(next, wanted.len());
        for pair in windows.windows(2) {
            let block = wanted[pair[1].start] / 4;
            if wanted[pair[0].end - 1] / 4 == block {
                prop_assert!(wanted[pair[0].start] / 4 == block, "a window of whole chunks was cut in one");
            }
        }
    }
}
