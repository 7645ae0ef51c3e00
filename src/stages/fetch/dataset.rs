//! The published data sets whose files and digests are known.
//!
//! PatchCamelyon: the URLs are those of its record at Zenodo and of its authors' folder at Google Drive. TensorFlow
//! Datasets (for the files at Zenodo) and torchvision (for those at Google Drive) have the same digests of images and
//! labels. Of the meta tables there are only MD5s. The authors' list (github.com/basveeling/pcam) has the MD5s of the
//! validation and test files exchanged; those here are what people found who downloaded them (issues 1 and 4 there).

use std::borrow::Cow;

use super::{
    Checksum, Url, Wanted,
    checksum::{Hex, Md5, Sha256},
    wanted::packed,
};
use crate::stages::{ArtifactType, declare::choice};

choice! {
    /// A published data set.
    pub enum Dataset {
        /// PatchCamelyon: 262,144 training, 32,768 validation and 32,768 test patches (8 GB).
        Pcam = "pcam",
    }
}

choice! {
    /// A part of a data set.
    pub enum Part {
        /// The training patches.
        Train = "train",
        /// The validation patches.
        Validation = "validation",
        /// The test patches.
        Test = "test",
    }
}

impl Part {
    /// All of them, in order.
    pub const ALL: [Self; 3] = [Self::Train, Self::Validation, Self::Test];

    /// Its name in the names of the files.
    fn in_files(self) -> &'static str {
        match self {
            Self::Train => "train",
            Self::Validation => "valid",
            Self::Test => "test",
        }
    }
}

/// A file of PatchCamelyon.
struct Official {
    part: Part,
    /// The end of the artifact's name.
    what: &'static str,
    checksum: Checksum,
    /// Its identity at Google Drive.
    drive: &'static str,
}

const ZENODO: &str = "https://zenodo.org/records/2546921/files";
const DRIVE: &str = "https://drive.usercontent.google.com/download?export=download&confirm=t&id=";

// A change here changes results: then the kind needs a new `VERSION`.
const PCAM: [Official; 9] = [
    Official {
        part: Part::Train,
        what: "x",
        checksum: sha256("d619e741468a7ab35c7e4a75e6821b7e7e6c9411705d45708f2a0efc8960656c"),
        drive: "1Ka0XfEMiwgCYPdTI-vv6eUElOBnKFKQ2",
    },
    Official {
        part: Part::Train,
        what: "y",
        checksum: sha256("b74126d2c01b20d3661f9b46765d29cf4e4fba6faba29c8e0d09d406331ab75a"),
        drive: "1269yhu3pZDP8UYFQs-NYs3FPwuK-nGSG",
    },
    Official {
        part: Part::Train,
        what: "meta",
        checksum: md5("5a3dd671e465cfd74b5b822125e65b0a"),
        drive: "1XoaGG3ek26YLFvGzmkKeOz54INW0fruR",
    },
    Official {
        part: Part::Validation,
        what: "x",
        checksum: sha256("f82ee1670d027b4ec388048d9eabc2186b77c009655dae76d624c0ecb053ccb2"),
        drive: "1hgshYGWK8V-eGRy8LToWJJgDU_rXWVJ3",
    },
    Official {
        part: Part::Validation,
        what: "y",
        checksum: sha256("ce1ae30f08feb468447971cfd0472e7becd0ad96d877c64120c72571439ae48c"),
        drive: "1bH8ZRbhSVAhScTS0p9-ZzGnX91cHT3uO",
    },
    Official {
        part: Part::Validation,
        what: "meta",
        checksum: md5("67589e00a4a37ec317f2d1932c7502ca"),
        drive: "16hJfGFCZEcvR3lr38v3XCaD5iH1Bnclg",
    },
    Official {
        part: Part::Test,
        what: "x",
        checksum: sha256("79174c2201ad521602a5888be8f36ee10875f37403dd3f2086caf2182ef87245"),
        drive: "1qV65ZqZvWzuIVthK8eVDhIwrbnsJdbg_",
    },
    Official {
        part: Part::Test,
        what: "y",
        checksum: sha256("0a522005fccc8bbd04c5a117bfaf81d8da2676f03a29d7499f71d0a0bd6068ef"),
        drive: "17BHrSrwWKjYsOgTMmoqrIjDy6Fa2o_gP",
    },
    Official {
        part: Part::Test,
        what: "meta",
        checksum: md5("3455fd69135b66734e1008f3af684566"),
        drive: "19tj7fBlQQrd4DapCjhZrom_fA4QlHqN4",
    },
];

impl Dataset {
    /// The files of some parts. The `mirrors` are asked first.
    pub(super) fn files(self, parts: &[Part], mirrors: &[Url]) -> Vec<Wanted> {
        let Self::Pcam = self;
        let wanted = PCAM.iter().filter(|file| parts.contains(&file.part));
        wanted.map(|file| file.wanted(mirrors)).collect()
    }
}

impl Official {
    fn wanted(&self, mirrors: &[Url]) -> Wanted {
        let (holds, ending) = match self.what {
            "x" => (ArtifactType::Images, ".h5"),
            "y" => (ArtifactType::Labels, ".h5"),
            _ => (ArtifactType::Meta, ".csv"),
        };
        let unpack = ending == ".h5";
        let file = format!("camelyonpatch_level_2_split_{}_{}{ending}", self.part.in_files(), self.what);
        let name = packed(&file, unpack);
        let official = [Url::known(format!("{ZENODO}/{name}")), Url::known(format!("{DRIVE}{}", self.drive))];
        Wanted {
            artifact: Cow::Owned(format!("{}-{}", self.part.word(), self.what)),
            file: Cow::Owned(file),
            holds,
            checksum: self.checksum,
            unpack,
            urls: mirrors.iter().map(|mirror| mirror.below(&name)).chain(official).collect(),
        }
    }
}

const fn md5(text: &str) -> Checksum {
    match Md5::read(text) {
        Some(hex) => Checksum::Md5(hex),
        None => panic!("not an MD5"),
    }
}

const fn sha256(text: &str) -> Checksum {
    match Sha256::read(text) {
        Some(Hex(bytes)) => Checksum::Sha256(Hex(bytes)),
        None => panic!("not a SHA-256"),
    }
}
