use super::*;
use crate::{
    ObjectKind,
    disk::hash,
    testing::{TestStore, git},
};
use configbus_model::ObjectId;
use proptest::prelude::*;

struct Blob {
    id: ObjectId,
    content: Vec<u8>,
}

fn blob(content: Vec<u8>) -> Blob {
    Blob { id: hash::object_id("blob", &content).unwrap(), content }
}

fn encode(blobs: &[Blob]) -> EncodedPack {
    let mut pack = PackBuilder::new();
    blobs.iter().for_each(|blob| pack.put(ObjectKind::Blob, blob.id, &blob.content).unwrap());
    pack.finish().unwrap()
}

#[test]
fn what_is_installed_is_read_by_stock_git_and_counted_by_us() {
    let store = TestStore::new();
    let objects: Vec<_> = [0, 1, 15, 16, 160, 161, 2_047, 2_048, 70_000].map(|size| blob(vec![b'x'; size])).into();
    let encoded = encode(&objects);
    install(&store.store.objects_dir(), &encoded).unwrap();
    let index = store.store.objects_dir().join(format!("pack/pack-{}.idx", encoded.name));
    git(store.store.dir(), &["verify-pack", index.to_str().unwrap()]);
    assert_eq!(count_of(&index).unwrap(), 9);
    let mut ids = ids_of(&index).unwrap();
    let mut expected: Vec<_> = objects.iter().map(|object| object.id).collect();
    ids.sort();
    expected.sort();
    assert_eq!(ids, expected);
    install(&store.store.objects_dir(), &encoded).unwrap();
    for object in &objects {
        assert_eq!(store.store.blob(object.id.into()).unwrap(), object.content);
    }
}

#[test]
fn an_index_that_is_none_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("x.idx");
    for bad in [vec![], b"\xfftOc\0\0\0\x02".to_vec(), vec![7; 2_000]] {
        std::fs::write(&path, bad).unwrap();
        assert!(ids_of(&path).is_err() && count_of(&path).is_err());
    }
}

#[test]
fn a_pack_holds_as_many_objects_as_it_says() {
    let mut writer = PackWriter::start(Vec::new(), 1).unwrap();
    writer.write(ObjectKind::Blob, b"1").unwrap();
    assert!(writer.write(ObjectKind::Blob, b"2").is_err());
    assert!(PackWriter::start(Vec::new(), 1).unwrap().finish().is_err());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(8))]

    #[test]
    fn any_content_survives(contents in prop::collection::btree_set(prop::collection::vec(any::<u8>(), 0..5_000), 1..20)) {
        let store = TestStore::new();
        let objects: Vec<_> = contents.into_iter().map(blob).collect();
        install(&store.store.objects_dir(), &encode(&objects)).unwrap();
        for object in &objects {
            prop_assert_eq!(store.store.blob(object.id.into()).unwrap(), object.content.clone());
        }
        store.check_fsck_dangling();
    }
}
