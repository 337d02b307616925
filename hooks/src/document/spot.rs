//! Where the parts of a document stand, found by JSON pointer.

use super::{
    ValuePlace,
    build::{Build, Member},
};
use serde_json::Value;
use std::{collections::BTreeMap, rc::Rc};

/// The place of a value with those of everything in it. Cheap to clone, for the sake of aliases.
#[derive(Debug, Clone)]
pub(super) struct Spot {
    offset: usize,
    inside: Inside,
}

#[derive(Debug, Clone)]
enum Inside {
    Scalar(Rc<Value>),
    Items(Rc<Vec<Spot>>),
    Members(Rc<BTreeMap<String, (usize, Spot)>>),
}

impl Spot {
    /// Returns where the value at a pointer below this one stands.
    pub(super) fn find(&self, pointer: &str) -> Option<ValuePlace> {
        let mut found = (self, None);
        let steps = pointer.strip_prefix('/').map(|steps| steps.split('/'));
        for step in steps.into_iter().flatten() {
            found = match &found.0.inside {
                Inside::Scalar(_) => return None,
                Inside::Items(items) => (items.get(step.parse::<usize>().ok()?)?, None),
                Inside::Members(members) => {
                    let (key, spot) = members.get(&step.replace("~1", "/").replace("~0", "~"))?;
                    (spot, Some(*key))
                }
            };
        }
        Some(ValuePlace { value: found.0.offset, key: found.1 })
    }

    /// Returns the value itself, for the rare key that is a collection.
    fn to_value(&self) -> Value {
        match &self.inside {
            Inside::Scalar(value) => (**value).clone(),
            Inside::Items(items) => items.iter().map(Self::to_value).collect(),
            Inside::Members(members) => {
                Value::Object(members.iter().map(|(key, (_, spot))| (key.clone(), spot.to_value())).collect())
            }
        }
    }
}

/// Makes places.
#[derive(Debug)]
pub(super) struct Spots;

impl Build for Spots {
    type Node = Spot;

    fn scalar(&self, offset: usize, value: impl FnOnce() -> Value) -> Spot {
        Spot { offset, inside: Inside::Scalar(Rc::new(value())) }
    }

    fn sequence(&self, offset: usize, items: Vec<Spot>) -> Spot {
        Spot { offset, inside: Inside::Items(Rc::new(items)) }
    }

    fn mapping(&self, offset: usize, members: Vec<Member<Spot>>) -> Spot {
        let members = members.into_iter().map(|member| (member.key, (member.offset, member.node))).collect();
        Spot { offset, inside: Inside::Members(Rc::new(members)) }
    }

    fn members(&self, node: &Spot) -> Option<Vec<Member<Spot>>> {
        let Inside::Members(members) = &node.inside else { return None };
        let member = |(key, (offset, spot)): (&String, &(usize, Spot))| Member {
            key: key.clone(),
            offset: *offset,
            node: spot.clone(),
        };
        Some(members.iter().map(member).collect())
    }

    fn items(&self, node: &Spot) -> Option<Vec<Spot>> {
        match &node.inside {
            Inside::Items(items) => Some(items.to_vec()),
            _ => None,
        }
    }

    fn key_text(&self, node: &Spot) -> String {
        node.to_value().to_string()
    }
}
