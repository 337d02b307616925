//! From everything that is listed to the members that count.

use configbus_model::{Member, MemberRole};
use std::collections::BTreeMap;

/// Keeps the youngest listing of each member, ordered by role and id. `listed` comes with its age, higher is younger:
/// after a quick restart the earlier life of a store stays listed until its session has expired.
pub(crate) fn live_members(listed: impl IntoIterator<Item = (i64, Member)>) -> Vec<Member> {
    let mut youngest: BTreeMap<(u8, String), (i64, Member)> = BTreeMap::new();
    for (age, member) in listed {
        let key = (rank(member.role), member.id.clone());
        if youngest.get(&key).is_none_or(|(other, _)| *other < age) {
            youngest.insert(key, (age, member));
        }
    }
    youngest.into_values().map(|(_, member)| member).collect()
}

fn rank(role: MemberRole) -> u8 {
    match role {
        MemberRole::Server => 0,
        MemberRole::Store => 1,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn store(id: &str, incarnation: &str) -> Member {
        Member {
            role: MemberRole::Store,
            id: id.into(),
            incarnation: incarnation.into(),
            url: "http://127.0.0.1:7421".into(),
            heads: BTreeMap::new(),
            subscribers: 0,
        }
    }

    #[test]
    fn an_earlier_life_is_hidden_by_a_younger_one() {
        let server = Member { role: MemberRole::Server, ..store("b", "1") };
        let listed = [(9, store("b", "2")), (4, store("b", "1")), (5, store("a", "7")), (6, server.clone())];
        assert_eq!(live_members(listed), [server, store("a", "7"), store("b", "2")]);
    }
}
