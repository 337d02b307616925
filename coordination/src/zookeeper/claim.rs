//! What to do about one ephemeral node so that it says what it should. Pure.
//!
//! Ephemeral nodes outlive the process and the session that made them by up to a session timeout, sometimes more: a
//! server that restarts grants all sessions a fresh timeout, and a client that gave its session up may be wrong. So
//! a node that is in the way is judged by what it says, not by who owns it.

use configbus_model::Member;

/// A node as it was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Found {
    /// `None` if its data is not a member's.
    pub(super) member: Option<Member>,
    /// Session that owns it; 0 if it is not ephemeral.
    pub(super) owner: i64,
    /// Version of its data.
    pub(super) version: i32,
}

/// How to get there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Step {
    /// There is nothing: create it.
    Create,
    /// It is an earlier session's, an earlier life's, or debris: replace it if it still has this version.
    Replace { version: i32 },
    /// It is ours and out of date: set its data.
    Update,
    /// It says what it should.
    Nothing,
    /// Somebody alive is there.
    Refused { by: String },
}

/// Decides what to do. `session` is ours; `held_before` says whether this process has held the node already.
pub(super) fn step(wanted: &Member, found: Option<&Found>, session: i64, held_before: bool) -> Step {
    let Some(found) = found else { return Step::Create };
    let Found { owner, version, .. } = *found;
    match &found.member {
        Some(member) if owner == session => {
            if member == wanted {
                Step::Nothing
            } else {
                Step::Update
            }
        }
        _ if owner == 0 || owner == session => Step::Replace { version },
        // Nobody else has our incarnation: it is ours from a session that was given up.
        Some(member) if is_same_life(member, wanted) => Step::Replace { version },
        // Another life of ours. Who held the place before has been overtaken by it; who comes anew overtakes it.
        Some(member) if member.id == wanted.id && !held_before => Step::Replace { version },
        Some(member) => Step::Refused { by: member.node_name() },
        None => Step::Refused { by: format!("an unknown member in session {owner:#x}") },
    }
}

/// Returns whether both are the same life of the same member.
pub(super) fn is_same_life(one: &Member, other: &Member) -> bool {
    one.id == other.id && one.incarnation == other.incarnation
}

#[cfg(test)]
mod tests {
    use super::*;
    use configbus_model::MemberRole;
    use std::collections::BTreeMap;

    const OURS: i64 = 7;
    const THEIRS: i64 = 9;

    fn server(id: &str, incarnation: &str) -> Member {
        Member {
            role: MemberRole::Server,
            id: id.into(),
            incarnation: incarnation.into(),
            url: "http://127.0.0.1:7420".into(),
            heads: BTreeMap::new(),
            subscribers: 0,
        }
    }

    fn check_step(member: Option<Member>, owner: i64, held_before: bool) -> Step {
        let found = Found { member, owner, version: 3 };
        step(&server("a", "2"), Some(&found), OURS, held_before)
    }

    #[test]
    fn an_own_node_is_created_and_kept_up_to_date() {
        assert_eq!(step(&server("a", "2"), None, OURS, false), Step::Create);
        assert_eq!(check_step(Some(server("a", "2")), OURS, true), Step::Nothing);
        let old = Member { subscribers: 5, ..server("a", "2") };
        assert_eq!(check_step(Some(old), OURS, true), Step::Update);
    }

    #[test]
    fn a_node_of_an_own_earlier_session_is_replaced() {
        assert_eq!(check_step(Some(server("a", "2")), THEIRS, true), Step::Replace { version: 3 });
    }

    #[test]
    fn an_earlier_life_is_replaced_by_the_next_one_and_not_the_other_way_round() {
        assert_eq!(check_step(Some(server("a", "1")), THEIRS, false), Step::Replace { version: 3 });
        assert_eq!(check_step(Some(server("a", "3")), THEIRS, true), Step::Refused { by: "a-3".into() });
    }

    #[test]
    fn somebody_else_who_is_alive_is_left_alone() {
        assert_eq!(check_step(Some(server("b", "1")), THEIRS, false), Step::Refused { by: "b-1".into() });
        assert!(matches!(check_step(None, THEIRS, false), Step::Refused { .. }));
    }

    #[test]
    fn debris_that_no_session_owns_is_replaced() {
        assert_eq!(check_step(None, 0, false), Step::Replace { version: 3 });
        assert_eq!(check_step(Some(server("b", "1")), 0, false), Step::Replace { version: 3 });
    }
}
