//! Stands for servers in a build without the feature `remote`: says so.

use super::{
    client::{Answer, Client, Trouble},
    settings::Settings,
};

pub(super) fn open(_settings: &Settings) -> Answer<Box<dyn Client>> {
    Err(Trouble::Unusable("this pcamflow was built without the feature `remote`".to_owned()))
}
