use super::*;
use crate::fuzzing::usual_xml;
use proptest::prelude::*;

fn check_found(text: &[u8]) -> Vec<(Rule, usize, usize)> {
    let mut findings = Findings::default();
    Xml { bounds: DocumentBounds::with_depth(128) }.check(&Document::new("a.xml", text), &mut findings);
    findings.into_parts().0.into_iter().map(|f| (f.rule, f.line.unwrap(), f.column.unwrap())).collect()
}

#[test]
fn xml_is_accepted() {
    let deep = "<a>".repeat(128) + &"</a>".repeat(128);
    for text in [
        "<a/>",
        "\u{feff}<?xml version=\"1.0\" encoding='UTF-8' standalone=\"yes\" ?>\n<!-- c --><?pi x?>\n<a b='1' c=\"'\" />\n<!---->\n",
        "<a.b:c-d xmlns:x='u'><x:ü\tq=\"&lt;&#65;&#x1F600;\"\n>text &amp; ]] > <![CDATA[<&]] ]]><e/></x:ü ></a.b:c-d>",
        "<?xml version=\"1.1\" encoding=\"ISO-8859-1\"?><a>ascii</a>",
        "<?xml-stylesheet href='x'?><a/>",
        &deep,
    ] {
        assert_eq!(check_found(text.as_bytes()), [], "{text}");
    }
}

#[test]
fn syntax_errors_have_their_place() {
    for (text, line, column) in [
        ("", 1, 1),
        (" text", 1, 2),
        ("<a>", 1, 1),
        ("<a>\n<b>\n</a>", 3, 1),
        ("<a/><b/>", 1, 5),
        ("<a/>text", 1, 5),
        ("</a>", 1, 2),
        ("< a/>", 1, 2),
        ("<a b=1/>", 1, 6),
        ("<a b/>", 1, 5),
        ("<a b='1'c='2'/>", 1, 9),
        ("<a b='1' b='2'/>", 1, 10),
        ("<a b='<'/>", 1, 7),
        ("<a b='1/>", 1, 6),
        ("<a>&nbsp;</a>", 1, 4),
        ("<a b='x&foo;'/>", 1, 8),
        ("<a>x & y</a>", 1, 6),
        ("<a>&#0;</a>", 1, 4),
        ("<a>&#xd800;</a>", 1, 4),
        ("<a>]]></a>", 1, 4),
        ("<a><!-- x -- y --></a>", 1, 11),
        ("<a><!-- x --->", 1, 11),
        ("<a><!-- x", 1, 4),
        ("<a><![CDATA[x</a>", 1, 4),
        ("<a><?pi x</a>", 1, 4),
        ("<a><?XML x?></a>", 1, 4),
        (" <?xml version='1.0'?><a/>", 1, 2),
        ("<?xml encoding='UTF-8'?><a/>", 1, 1),
        ("<?xml version='1.0' encoding='UTF-16'?><a/>", 1, 31),
        ("<?xml version='1.0' encoding='ISO-8859-1'?><a>ü</a>", 1, 31),
        ("<a>\u{1}</a>", 1, 4),
        ("<a>\u{ffff}</a>", 1, 4),
        ("<1a/>", 1, 2),
        ("<a><!ELEMENT x></a>", 1, 5),
    ] {
        assert_eq!(check_found(text.as_bytes()), [(Rule::XmlSyntax, line, column)], "{text}");
    }
}

#[test]
fn what_reading_can_go_on_after_is_told_together() {
    let text = "<a x='1' x='2'>\n&one;\n<b y='&two;'/>\n</c>";
    let expected = [(1, 10), (2, 1), (3, 7), (4, 1)].map(|(line, column)| (Rule::XmlSyntax, line, column));
    assert_eq!(check_found(text.as_bytes()), expected);
}

#[test]
fn declarations_and_depth_are_refused() {
    let bomb = "<?xml version='1.0'?>\n<!DOCTYPE a [<!ENTITY x 'y'>]>\n<a>&x;</a>";
    assert_eq!(check_found(bomb.as_bytes()), [(Rule::XmlDtd, 2, 1)]);
    assert_eq!(check_found("<a>".repeat(129).as_bytes()), [(Rule::XmlDepth, 1, 385)]);
    assert_eq!(check_found("<a>".repeat(1_000_000).as_bytes()), [(Rule::XmlDepth, 1, 385)]);
}

fn nearly_xml() -> impl Strategy<Value = String> {
    let part = prop_oneof![
        4 => Just("<a>"), 4 => Just("</a>"), 2 => Just("<b/>"), 1 => Just("<"), 1 => Just(">"), 1 => Just("/"),
        1 => Just("a"), 1 => Just(" "), 1 => Just("="), 1 => Just("'v'"), 1 => Just("\""), 1 => Just("&amp;"),
        1 => Just("&"), 1 => Just(";"), 1 => Just("#65"), 1 => Just("<!--"), 1 => Just("-->"), 1 => Just("-"),
        1 => Just("<![CDATA["), 1 => Just("]]>"), 1 => Just("<?"), 1 => Just("?>"), 1 => Just("xml"),
        1 => Just("<a x='1'"), 1 => Just(" y=\"&lt;\""), 1 => Just("ü"), 1 => Just("\n"), 1 => Just("<!DOCTYPE a>"),
    ];
    prop::collection::vec(part, 0..24).prop_map(|parts| parts.concat())
}

proptest! {
    #[test]
    fn no_bytes_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        check_found(&bytes);
    }

    #[test]
    fn what_is_accepted_the_usual_parser_accepts(text in nearly_xml()) {
        if check_found(text.as_bytes()).is_empty() {
            prop_assert_eq!(usual_xml(&text), Ok(()), "{}", text);
        }
    }
}
