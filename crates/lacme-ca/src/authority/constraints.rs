use std::net::IpAddr;

use acme_proto::{DnsName, Identifier};
use rcgen::{CidrSubnet, GeneralSubtree, NameConstraints};
use serde::{Deserialize, Serialize};

/// What an authority may certify (RFC 5280 §4.2.1.10); empty: everything.
///
/// Once something is permitted, all else is excluded, also of the other type of name.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Constraints {
    #[serde(default)]
    dns: Vec<String>,
    #[serde(default)]
    networks: Vec<(IpAddr, u8)>,
}

impl Constraints {
    /// `zone` and all names below it.
    pub(super) fn permit_zone(&mut self, zone: &DnsName) {
        self.dns.push(zone.base().to_owned());
    }

    /// The addresses whose first `prefix` bits are those of `address`.
    pub(super) fn permit_network(&mut self, address: IpAddr, prefix: u8) {
        let prefix = prefix.min(width(address));
        self.networks.push((address, prefix));
    }

    pub(super) fn allow(&self, identifier: &Identifier) -> bool {
        if self.is_empty() {
            return true;
        }
        match identifier {
            Identifier::Dns(name) => self.dns.iter().any(|zone| is_within(name.base(), zone)),
            Identifier::Ip(ip) => {
                self.networks.iter().any(|(network, prefix)| shares_prefix(*ip, *network, *prefix))
            }
            _ => false,
        }
    }

    /// The extension, or nothing where all is permitted.
    pub(super) fn extension(&self) -> Option<NameConstraints> {
        if self.is_empty() {
            return None;
        }
        let subnet = |(address, prefix): &(IpAddr, u8)| {
            let subnet = match masked(*address, *prefix) {
                IpAddr::V4(ip) => CidrSubnet::from_v4_prefix(ip.octets(), *prefix),
                IpAddr::V6(ip) => CidrSubnet::from_v6_prefix(ip.octets(), *prefix),
            };
            GeneralSubtree::IpAddress(subnet)
        };
        let dns = self.dns.iter().cloned().map(GeneralSubtree::DnsName);
        // A type of name that is not mentioned would be free (RFC 5280 §4.2.1.10).
        let mut excluded = Vec::new();
        if self.dns.is_empty() {
            excluded.push(GeneralSubtree::DnsName(String::new()));
        }
        if !self.networks.iter().any(|(ip, _)| ip.is_ipv4()) {
            excluded.push(GeneralSubtree::IpAddress(CidrSubnet::V4([0; 4], [0; 4])));
        }
        if !self.networks.iter().any(|(ip, _)| ip.is_ipv6()) {
            excluded.push(GeneralSubtree::IpAddress(CidrSubnet::V6([0; 16], [0; 16])));
        }
        Some(NameConstraints {
            permitted_subtrees: dns.chain(self.networks.iter().map(subnet)).collect(),
            excluded_subtrees: excluded,
        })
    }

    fn is_empty(&self) -> bool {
        self.dns.is_empty() && self.networks.is_empty()
    }
}

fn is_within(name: &str, zone: &str) -> bool {
    let above = name.strip_suffix(zone);
    above.is_some_and(|above| above.is_empty() || above.ends_with('.'))
}

fn shares_prefix(ip: IpAddr, network: IpAddr, prefix: u8) -> bool {
    ip.is_ipv4() == network.is_ipv4() && masked(ip, prefix) == masked(network, prefix)
}

/// The address with all bits after `prefix` cleared.
fn masked(ip: IpAddr, prefix: u8) -> IpAddr {
    let cleared = u32::from(width(ip).saturating_sub(prefix));
    match ip {
        IpAddr::V4(ip) => {
            let mask = u32::MAX.checked_shl(cleared).unwrap_or(0);
            IpAddr::V4((ip.to_bits() & mask).into())
        }
        IpAddr::V6(ip) => {
            let mask = u128::MAX.checked_shl(cleared).unwrap_or(0);
            IpAddr::V6((ip.to_bits() & mask).into())
        }
    }
}

fn width(ip: IpAddr) -> u8 {
    if ip.is_ipv4() { 32 } else { 128 }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn allowed(constraints: &Constraints, name: &str) -> bool {
        constraints.allow(&Identifier::parse(name).unwrap())
    }

    fn zone(name: &str) -> DnsName {
        DnsName::parse(name).unwrap()
    }

    #[test]
    fn without_constraints_everything_is_permitted() {
        let free = Constraints::default();
        assert!(allowed(&free, "a.example") && allowed(&free, "::1"));
        assert_eq!(free.extension(), None);
    }

    #[test]
    fn a_zone_permits_itself_and_what_is_below() {
        let mut constraints = Constraints::default();
        constraints.permit_zone(&zone("corp.example"));
        for name in ["corp.example", "a.b.corp.example", "*.corp.example"] {
            assert!(allowed(&constraints, name), "{name}");
        }
        for name in ["xcorp.example", "example", "corp.example.org", "10.0.0.1"] {
            assert!(!allowed(&constraints, name), "{name}");
        }
    }

    #[test]
    fn a_network_permits_the_addresses_in_it() {
        let mut constraints = Constraints::default();
        constraints.permit_network("10.1.2.3".parse().unwrap(), 8);
        constraints.permit_network("fd00::1".parse().unwrap(), 64);
        for name in ["10.255.0.1", "fd00::ffff"] {
            assert!(allowed(&constraints, name), "{name}");
        }
        for name in ["11.0.0.1", "fd00:0:0:1::1", "::ffff:10.0.0.1", "a.example"] {
            assert!(!allowed(&constraints, name), "{name}");
        }
    }

    #[test]
    fn the_widest_and_the_narrowest_network_are_understood() {
        for (prefix, inside) in [(0, "9.9.9.9"), (32, "10.0.0.1"), (200, "10.0.0.1")] {
            let mut constraints = Constraints::default();
            constraints.permit_network("10.0.0.1".parse().unwrap(), prefix);
            assert!(allowed(&constraints, inside));
            assert_eq!(allowed(&constraints, "9.9.9.9"), prefix == 0);
        }
    }
}
