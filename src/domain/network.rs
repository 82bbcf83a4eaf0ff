use serde::Deserialize;
use std::net::IpAddr;

/// An address, or all that begin alike: `10.0.0.7`, `10.0.0.0/8`, `fd00::/8`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct Network {
    first: IpAddr,
    bits: u8,
}

impl Network {
    /// An IPv4 address in IPv6's coat is judged as what it is.
    pub fn contains(&self, address: IpAddr) -> bool {
        match (self.first, address.to_canonical()) {
            (IpAddr::V4(first), IpAddr::V4(other)) => {
                alike(first.to_bits().into(), other.to_bits().into(), 32, self.bits)
            }
            (IpAddr::V6(first), IpAddr::V6(other)) => alike(first.to_bits(), other.to_bits(), 128, self.bits),
            _ => false,
        }
    }
}

fn alike(one: u128, other: u128, width: u8, bits: u8) -> bool {
    // shifting out every bit leaves nothing to differ
    (one ^ other).checked_shr(u32::from(width.saturating_sub(bits))).unwrap_or(0) == 0
}

impl TryFrom<String> for Network {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        const WRONG: &str = "an address, or a network such as 10.0.0.0/8";
        let (address, bits) = text.split_once('/').map_or((text.as_str(), None), |(a, bits)| (a, Some(bits)));
        let first: IpAddr = address.parse().map_err(|_| WRONG)?;
        let width = if first.is_ipv4() { 32 } else { 128 };
        let bits = match bits {
            Some(bits) => bits.parse().ok().filter(|bits| *bits <= width).ok_or(WRONG)?,
            None => width,
        };
        Ok(Self { first, bits })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_network_holds_what_begins_alike_and_nothing_else() {
        for (network, inside, outside) in [
            ("10.0.0.7", "10.0.0.7", "10.0.0.6"),
            ("10.0.0.0/8", "10.255.1.2", "11.0.0.0"),
            ("10.0.0.0/8", "::ffff:10.1.2.3", "::ffff:11.0.0.1"),
            ("192.168.4.0/23", "192.168.5.9", "192.168.6.0"),
            ("fd00::/8", "fdff::1", "fe00::1"),
            ("::1", "::1", "127.0.0.1"),
        ] {
            let read = Network::try_from(network.to_owned()).unwrap();
            assert!(read.contains(inside.parse().unwrap()), "{network} {inside}");
            assert!(!read.contains(outside.parse().unwrap()), "{network} {outside}");
        }
        assert!(Network::try_from("0.0.0.0/0".to_owned()).unwrap().contains("8.8.8.8".parse().unwrap()));
        for bad in ["", "10", "10.0.0.0/33", "fd00::/129", "10.0.0.0/", "10.0.0.0/-1", "proxy", "10.0.0.0/8/8"] {
            assert!(Network::try_from(bad.to_owned()).is_err(), "{bad}");
        }
    }
}
