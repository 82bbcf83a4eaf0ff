//! The tree over a log's rows, hashed as in RFC 6962, section 2.1 (<https://www.rfc-editor.org/rfc/rfc6962#section-2.1>).
//!
//! The data of leaf `i` is `i` (8 bytes, big-endian) and the row's hash, SHA-256 of a random nonce and the row's bytes:
//! - the nonce, so that a row can be erased for good: without it, the leaf tells nothing even of a guessable row;
//! - the index, so that rows which changed places are named one by one and not only noticed at the root;
//! - the row's hash, so that it can be made before the row has its place, outside the one writer.
//!
//! Only the roots of the full subtrees are kept (at most 64), so appending costs about one hash a row at any size.

use aws_lc_rs::digest::{Context, SHA256};
use data_encoding::HEXLOWER;
use std::fmt;

#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Hash(pub [u8; 32]);

impl Hash {
    pub fn of(parts: &[&[u8]]) -> Self {
        let mut context = Context::new(&SHA256);
        for part in parts {
            context.update(part);
        }
        let mut hash = [0; 32];
        hash.copy_from_slice(context.finish().as_ref());
        Self(hash)
    }

    pub fn from_slice(bytes: &[u8]) -> Option<Self> {
        bytes.try_into().ok().map(Self)
    }
}

impl fmt::Display for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&HEXLOWER.encode(&self.0))
    }
}

impl fmt::Debug for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// What a leaf takes from a row: made before the row has its place.
pub fn row_hash(nonce: &[u8], body: &[u8]) -> Hash {
    Hash::of(&[nonce, body])
}

/// The leaf of the row at `index`: what is stored beside the row, and outlives its erasure.
pub fn leaf_hash(index: u64, row: &Hash) -> Hash {
    rfc6962_leaf(&[&index.to_be_bytes(), &row.0])
}

fn rfc6962_leaf(data: &[&[u8]]) -> Hash {
    let mut parts: Vec<&[u8]> = Vec::with_capacity(data.len() + 1);
    parts.push(&[0]);
    parts.extend_from_slice(data);
    Hash::of(&parts)
}

fn node_hash(left: &Hash, right: &Hash) -> Hash {
    Hash::of(&[&[1], &left.0, &right.0])
}

/// A log's head: its size, and the roots of the full subtrees that the size's binary digits stand for, largest first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Frontier {
    size: u64,
    peaks: Vec<Hash>,
}

impl Frontier {
    pub fn size(&self) -> u64 {
        self.size
    }

    /// Appends the leaf whose index is the present size.
    pub fn push(&mut self, leaf: Hash) {
        let mut node = leaf;
        // each one at the end of the size is a full subtree, as large as the one that has just become full
        for _ in 0..self.size.trailing_ones() {
            let Some(left) = self.peaks.pop() else { break };
            node = node_hash(&left, &node);
        }
        self.peaks.push(node);
        self.size += 1;
    }

    /// RFC 6962's Merkle Tree Hash.
    pub fn root(&self) -> Hash {
        let mut peaks = self.peaks.iter().rev().copied();
        let Some(smallest) = peaks.next() else { return Hash::of(&[]) };
        peaks.fold(smallest, |right, left| node_hash(&left, &right))
    }

    /// The subtree roots one after another, as stored beside the size.
    pub fn peaks(&self) -> Vec<u8> {
        self.peaks.iter().flat_map(|peak| peak.0).collect()
    }

    /// `None` if these cannot be the subtree roots of a log of that size.
    pub fn from_parts(size: u64, peaks: &[u8]) -> Option<Self> {
        let (chunks, rest) = peaks.as_chunks::<32>();
        let fits = rest.is_empty() && u32::try_from(chunks.len()) == Ok(size.count_ones());
        fits.then(|| Self { size, peaks: chunks.iter().copied().map(Hash).collect() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn tree(leaves: &[Hash]) -> Frontier {
        let mut tree = Frontier::default();
        for leaf in leaves {
            tree.push(*leaf);
        }
        tree
    }

    /// MTH(D[n]) as the RFC writes it down.
    fn naive(leaves: &[Hash]) -> Hash {
        match leaves {
            [] => Hash::of(&[]),
            [leaf] => *leaf,
            _ => {
                let split = leaves.len().next_power_of_two() / 2;
                node_hash(&naive(&leaves[..split]), &naive(&leaves[split..]))
            }
        }
    }

    #[test]
    fn roots_are_those_of_the_certificate_transparency_test_vectors() {
        let data: [&[u8]; 8] =
            [b"", b"\x00", b"\x10", b"\x20\x21", b"\x30\x31", b"@ABC", b"PQRSTUVW", b"`abcdefghijklmno"];
        let roots = [
            "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
            "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
            "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
            "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
            "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
            "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
            "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
            "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
            "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
        ];
        let leaves: Vec<Hash> = data.iter().map(|d| rfc6962_leaf(&[d])).collect();
        for (size, root) in roots.iter().enumerate() {
            assert_eq!(tree(&leaves[..size]).root().to_string(), *root, "{size} leaves");
        }
    }

    #[test]
    fn the_same_row_at_another_index_is_another_leaf() {
        let row = row_hash(&[1; 16], b"{}");
        assert_ne!(leaf_hash(0, &row), leaf_hash(1, &row));
    }

    proptest! {
        #[test]
        fn a_log_grown_in_any_steps_has_the_root_of_the_recursive_definition(size in 0..200_u64, cut in 0..200_u64) {
            let leaves: Vec<Hash> = (0..size).map(|i| leaf_hash(i, &Hash::of(&[&i.to_be_bytes()]))).collect();
            let cut = usize::try_from(cut.min(size)).unwrap();
            let early = tree(&leaves[..cut]);
            let mut grown = Frontier::from_parts(early.size(), &early.peaks()).unwrap();
            for leaf in &leaves[cut..] {
                grown.push(*leaf);
            }
            prop_assert_eq!(early.root(), naive(&leaves[..cut]));
            prop_assert_eq!(grown.root(), naive(&leaves));
            prop_assert_eq!(grown, tree(&leaves));
        }

        #[test]
        fn subtree_roots_of_another_size_are_refused(size in 0..5000_u64, peaks in 0..20_usize) {
            let fits = u32::try_from(peaks) == Ok(size.count_ones());
            prop_assert_eq!(Frontier::from_parts(size, &vec![0; peaks * 32]).is_some(), fits);
            prop_assert!(Frontier::from_parts(size, &vec![0; peaks * 32 + 1]).is_none());
        }
    }
}
