//! Which addresses a provider, or a client's keys, may be reached at. A registered name must not lead into our own network (SSRF), neither
//! written as a literal nor by what it resolves to at the moment of connecting.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use url::{Host, Url};

/// The address, where the URL spells one out instead of a name. (`Url` has already read octal, hexadecimal and
/// shortened forms as the numbers they are.)
pub fn literal_address(url: &Url) -> Option<IpAddr> {
    match url.host()? {
        Host::Ipv4(address) => Some(IpAddr::V4(address)),
        Host::Ipv6(address) => Some(IpAddr::V6(address)),
        Host::Domain(_) => None,
    }
}

/// Whether an address is one of the public Internet's (IANA special-purpose registries:
/// <https://www.iana.org/assignments/iana-ipv4-special-registry/>).
pub fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => v4_is_public(v4),
        IpAddr::V6(v6) => v6_is_public(v6),
    }
}

fn v4_is_public(a: Ipv4Addr) -> bool {
    let [first, second, third, _] = a.octets();
    let special = a.is_unspecified()
        || a.is_loopback()
        || a.is_private()
        || a.is_link_local()
        || a.is_multicast()
        || a.is_broadcast()
        || a.is_documentation()
        || first == 0
        || first >= 240
        || (first == 100 && (64..128).contains(&second))
        || (first == 192 && second == 0 && third == 0)
        || (first == 192 && second == 88 && third == 99)
        || (first == 198 && (18..20).contains(&second));
    !special
}

fn v6_is_public(a: Ipv6Addr) -> bool {
    let [s0, s1, s2, s3, s4, s5, s6, s7] = a.segments();
    let v4 = |high: u16, low: u16| {
        let [a, b] = high.to_be_bytes();
        let [c, d] = low.to_be_bytes();
        v4_is_public(Ipv4Addr::new(a, b, c, d))
    };
    match (s0, s1) {
        // an IPv4 address in another coat is judged as what it is
        (0, 0) if s2 == 0 && s3 == 0 && s4 == 0 && (s5 == 0xffff || s5 == 0) => s5 == 0xffff && v4(s6, s7),
        (0x64, 0xff9b) => s2 == 0 && s3 == 0 && s4 == 0 && s5 == 0 && v4(s6, s7),
        (0x2002, _) => v4(s1, s2),
        // only 2000::/3 is handed out; of it Teredo, benchmarking, ORCHID and documentation are no one's
        (0x2001, second) if second < 0x200 || second == 0xdb8 => false,
        (0x3fff, second) if second < 0x1000 => false,
        _ => (0x2000..0x4000).contains(&s0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_inside_our_own_network_are_not_public() {
        for inside in [
            "0.0.0.0",
            "10.1.2.3",
            "100.64.0.1",
            "127.0.0.1",
            "169.254.169.254",
            "172.16.0.1",
            "192.168.1.1",
            "192.0.0.8",
            "198.18.0.1",
            "224.0.0.1",
            "240.0.0.1",
            "255.255.255.255",
            "::",
            "::1",
            "::ffff:127.0.0.1",
            "::ffff:169.254.169.254",
            "::127.0.0.1",
            "fc00::1",
            "fd12::1",
            "fe80::1",
            "ff02::1",
            "64:ff9b::a00:1",
            "2002:7f00:1::",
            "2001:db8::1",
            "2001::1",
            "fec0::1",
        ] {
            assert!(!is_public(inside.parse().unwrap()), "{inside}");
        }
    }

    #[test]
    fn ordinary_addresses_are_public() {
        for outside in ["8.8.8.8", "51.140.1.1", "192.0.1.1", "2606:4700::1", "2a00:1450::1", "64:ff9b::808:808"] {
            assert!(is_public(outside.parse().unwrap()), "{outside}");
        }
    }

    #[test]
    fn a_literal_is_seen_however_it_is_spelt() {
        for spelt in
            ["http://127.0.0.1/", "http://0177.0.0.1/", "http://2130706433/", "http://0x7f.1/", "http://[::1]/"]
        {
            let address = literal_address(&Url::parse(spelt).unwrap()).unwrap();
            assert!(address.is_loopback(), "{spelt}");
        }
        assert_eq!(literal_address(&Url::parse("https://provider.example/").unwrap()), None);
    }
}
