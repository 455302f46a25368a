//! Firmware-style properties: what a board's description says of a device.
//!
//! A [`Node`] is a software node: a name and properties, fixed once it is made. A consumer's node
//! says which lines it uses (`wp-gpios` = references to a provider's node); a provider's node says
//! how many lines it has, what they are called and which are reserved
//! ([`ChipConfig::read_node`]). A node may have a secondary node, asked where the first is silent.

use alloc::string::{String, ToString};
use alloc::sync::Arc;
use alloc::vec::Vec;

use crate::{ChipConfig, Errno, Error, LookupFlags, Name, Offset, Result};

/// One property's content.
///
/// ```
/// use gpiolib::{ChipConfig, Node, Property};
///
/// let names = Property::Texts(vec!["SDA".into(), "SCL".into()]);
/// let node = Node::new("u5").with("gpio-line-names", names);
/// let mut config = ChipConfig::new("u5", 2);
/// config.read_node(&node)?;
/// assert_eq!(config.names.len(), 2);
/// # Ok::<(), gpiolib::Error>(())
/// ```
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Property {
    /// Present, without content.
    Flag,
    /// Cells.
    Numbers(Vec<u32>),
    /// Strings.
    Texts(Vec<String>),
    /// Lines of other nodes' chips.
    References(Vec<Reference>),
}

/// One line of a provider, as a consumer's property names it.
///
/// ```
/// use gpiolib::{Consumer, LookupFlags, Node, Offset, Property, Reference, Registry};
///
/// let wp = Reference {
///     provider: Node::new("u5"),
///     offset: Offset::new(3),
///     flags: LookupFlags::ACTIVE_LOW,
/// };
/// let node = Node::new("eeprom").with("wp-gpios", Property::References(vec![wp]));
/// let eeprom = Consumer::new(&Registry::new(), "eeprom").with_node(node);
/// assert_eq!(eeprom.count("wp")?, 1);
/// # Ok::<(), gpiolib::Error>(())
/// ```
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Reference {
    /// The provider's node; its chip is the one whose label is the node's name.
    pub provider: Node,
    /// The line.
    pub offset: Offset,
    /// How it is wired.
    pub flags: LookupFlags,
}

/// A device's entry in the board's description. Cheap to clone.
///
/// ```
/// use gpiolib::{LookupFlags, Node, Offset, Property, Reference};
///
/// let expander = Node::new("u5").with("ngpios", Property::Numbers(vec![8]));
/// let wp = Reference {
///     provider: expander,
///     offset: Offset::new(3),
///     flags: LookupFlags::ACTIVE_LOW,
/// };
/// let eeprom = Node::new("eeprom").with("wp-gpios", Property::References(vec![wp]));
/// assert!(eeprom.property("wp-gpios").is_some());
/// ```
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Node(Arc<Inner>);

#[derive(Clone, Debug, Default, Eq, PartialEq)]
struct Inner {
    name: Option<String>,
    properties: Vec<(String, Property)>,
    secondary: Option<Node>,
}

impl Node {
    /// A provider that is never there: a reference to it is as good as none (`ENOENT`).
    // KERNEL: gpiolib-swnode.c swnode_gpio_undefined (v6.12).
    pub const UNDEFINED: &'static str = "swnode-gpio-undefined";

    /// A node with this name.
    #[must_use]
    pub fn new(name: &str) -> Self {
        Self(Arc::new(Inner {
            name: Some(name.into()),
            ..Inner::default()
        }))
    }

    /// A node without a name: it can describe a consumer, but nobody finds it as a provider.
    #[must_use]
    pub fn unnamed() -> Self {
        Self::default()
    }

    /// The node with one property more; a property of that name is replaced.
    #[must_use]
    pub fn with(mut self, name: &str, property: Property) -> Self {
        let properties = &mut Arc::make_mut(&mut self.0).properties;
        properties.retain(|(other, _)| other != name);
        properties.push((name.into(), property));
        self
    }

    /// The node with a secondary node behind it.
    #[must_use]
    pub fn with_secondary(mut self, node: Node) -> Self {
        Arc::make_mut(&mut self.0).secondary = Some(node);
        self
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> Option<&str> {
        self.0.name.as_deref()
    }

    /// The node asked where this one has no such property.
    #[must_use]
    pub fn secondary(&self) -> Option<&Self> {
        self.0.secondary.as_ref()
    }

    /// A property of this node itself.
    #[must_use]
    pub fn property(&self, name: &str) -> Option<&Property> {
        let mut properties = self.0.properties.iter();
        properties.find_map(|(other, property)| (other == name).then_some(property))
    }

    /// The `index`-th reference of a property.
    ///
    /// # Errors
    /// `NotFound` without that property or index; `Invalid` if it is no list of references.
    pub(crate) fn reference(&self, name: &str, index: usize) -> Result<&Reference> {
        match self.property(name).ok_or(Error::NotFound)? {
            Property::References(references) => references.get(index).ok_or(Error::NotFound),
            _ => Err(Error::Invalid("the property is no list of lines")),
        }
    }
}

/// What a property answers that is there but has no content.
const EMPTY: Error = Error::Driver(Errno::ENODATA);

impl ChipConfig {
    /// Takes over what a provider's node says: `ngpios` if [`ChipConfig::lines`] is 0,
    /// `gpio-line-names` (empty strings name nothing) and `gpio-reserved-ranges`, pairs of first
    /// line and count.
    ///
    /// # Errors
    /// `Invalid` if the number of lines is needed and missing, or a property has the wrong type;
    /// `EOVERFLOW` if `ngpios` is cut short.
    // KERNEL: gpiolib.c gpiochip_get_ngpios, gpiochip_set_names, gpiochip_apply_reserved_ranges
    // (v6.12): ranges outside the chip, and an odd number of cells, are ignored.
    pub fn read_node(&mut self, node: &Node) -> Result<()> {
        if self.lines == 0 {
            self.lines = ngpios(node)?;
        }
        match node.property("gpio-line-names") {
            None => {}
            Some(Property::Texts(names)) => self.take_names(names),
            Some(Property::Flag) => return Err(EMPTY),
            Some(_) => return Err(Error::Invalid("gpio-line-names are texts")),
        }
        if let Some(Property::Numbers(cells)) = node.property("gpio-reserved-ranges") {
            self.reserve(cells);
        }
        Ok(())
    }

    fn take_names(&mut self, names: &[String]) {
        let lines = (0..self.lines).map(Offset::new);
        let named = lines.zip(names).filter(|(_, name)| !name.is_empty());
        self.names
            .extend(named.map(|(offset, name)| (offset, Name::from(name.as_str()))));
    }

    fn reserve(&mut self, cells: &[u32]) {
        let (pairs, odd) = cells.as_chunks::<2>();
        if !odd.is_empty() {
            return;
        }
        for [first, count] in pairs {
            let end = first.checked_add(*count).filter(|end| *end <= self.lines);
            if let Some(end) = end {
                self.invalid.extend((*first..end).map(Offset::new));
            }
        }
    }
}

/// The number of lines that a node gives; 0 for a property without content.
fn ngpios(node: &Node) -> Result<u32> {
    match node.property("ngpios") {
        Some(Property::Flag) => Ok(0),
        Some(Property::Numbers(cells)) => match cells.first() {
            Some(lines) => Ok(*lines),
            None => Err(Error::Driver(Errno::EOVERFLOW)),
        },
        Some(_) => Err(Error::Invalid("ngpios is a number")),
        None => Err(Error::Invalid("nobody says how many lines the chip has")),
    }
}

/// The names under which the lines of a function may be listed, in the order they are tried.
// KERNEL: gpiolib.h for_each_gpio_property_name, gpio_suffixes (v6.12): a buffer of 32 bytes, so
// that a longer name is cut.
pub(crate) fn spellings(con_id: Option<&str>) -> [String; 2] {
    ["gpios", "gpio"].map(|suffix| match con_id {
        None => suffix.to_string(),
        Some(con_id) => {
            let mut name = alloc::format!("{con_id}-{suffix}");
            let end = (0..=31).rev().find(|at| name.is_char_boundary(*at));
            name.truncate(end.unwrap_or(0));
            name
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(node: &Node) -> Result<ChipConfig> {
        let mut config = ChipConfig::new("a", 0);
        config.read_node(node).map(|()| config)
    }

    #[test]
    fn a_provider_reads_its_node() {
        let texts = ["", "RESET", "LED", "beyond"].map(String::from).to_vec();
        let node = Node::new("a")
            .with("ngpios", Property::Numbers(vec![3]))
            .with("gpio-line-names", Property::Texts(texts))
            .with("gpio-reserved-ranges", Property::Numbers(vec![1, 2, 2, 9]));
        let config = config(&node).unwrap();
        assert_eq!(config.lines, 3);
        let offsets: Vec<u32> = config.names.iter().map(|(at, _)| at.get()).collect();
        assert_eq!(offsets, [1, 2], "an empty string names nothing");
        assert_eq!(config.invalid, [Offset::new(1), Offset::new(2)]);
    }

    #[test]
    fn ngpios_says_what_is_wrong_with_it() {
        let with = |property| config(&Node::new("a").with("ngpios", property)).map(|c| c.lines);
        assert_eq!(with(Property::Flag), Ok(0));
        assert_eq!(
            with(Property::Numbers(vec![])),
            Err(Error::Driver(Errno::EOVERFLOW))
        );
        let missing = config(&Node::new("a")).unwrap_err();
        assert_eq!(missing.errno(), Errno::EINVAL);
    }

    #[test]
    fn long_names_are_cut_as_in_a_buffer_of_32_bytes() {
        let [gpios, gpio] = spellings(Some("a-very-long-function-name-x"));
        assert_eq!(gpios, "a-very-long-function-name-x-gpi");
        assert_eq!(gpios, gpio);
        assert_eq!(spellings(None), ["gpios", "gpio"]);
    }
}
