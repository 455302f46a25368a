//! The table `[machine]` of a board file: what programs find of the machine besides its chips.

use toml::de::{DeTable, DeValue};

use super::BoardError;
use super::file::{Reader, Value, integer};

/// Where firmware tells which Raspberry Pi this is: four bytes, the first the highest.
const REVISION: &str = "/proc/device-tree/system/linux,revision";

/// What programs find besides chips.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Machine {
    /// The revision code of a Raspberry Pi, as its firmware tells it.
    pub(crate) pi_revision: Option<u32>,
}

impl Machine {
    /// Reads the table.
    ///
    /// # Errors
    /// An unknown key or a bad value.
    pub(super) fn parse(reader: &Reader<'_>, root: &DeTable<'_>) -> Result<Machine, BoardError> {
        let Some(value) = root.get("machine") else {
            return Ok(Machine::default());
        };
        let table = reader.table(value, "machine")?;
        reader.only_keys(table, "machine", &["pi-revision"])?;
        let revision = table
            .get("pi-revision")
            .map(|value| revision(reader, value));
        Ok(Machine {
            pi_revision: revision.transpose()?,
        })
    }

    /// The files that tell programs so, with what they contain.
    pub(crate) fn files(&self) -> Vec<(String, Vec<u8>)> {
        let tell = |revision: u32| (REVISION.to_owned(), revision.to_be_bytes().to_vec());
        self.pi_revision.map(tell).into_iter().collect()
    }
}

fn revision(reader: &Reader<'_>, value: &Value<'_>) -> Result<u32, BoardError> {
    let key = "machine.pi-revision";
    if !matches!(value.get_ref(), DeValue::Integer(_)) {
        return Err(reader.wrong_type(value, key, "a number"));
    }
    let number = integer(value).and_then(|number| u32::try_from(number).ok());
    number.filter(|number| *number != 0).ok_or_else(|| {
        let problem = "is not a revision code of 32 bits, such as 0xc03111";
        reader.error(&value.span(), key, problem)
    })
}
