/// Whether a word with dots in it is taken for a domain by its last part: one of the countries', or a common one of the others.
/// As in the reference only lower case counts, so that the end of a sentence that goes on without a space is no domain.
pub(super) fn is_domain(text: &str) -> bool {
    text.rsplit_once('.').is_some_and(|(_, last)| {
        let known = if last.len() == 2 { COUNTRIES } else { OTHERS };
        known.split(' ').any(|known| known == last)
    })
}

/// Without them every name of a source file would be a link, `index.js` and `lib.ts`.
const COUNTRIES: &str = "ac ad ae af ag ai al am ao aq ar as at au aw ax az ba bb bd be bf bg bh bi bj bm bn bo br bs bt bv bw by \
    bz ca cc cd cf cg ch ci ck cl cm cn co cr cu cv cw cx cy cz de dj dk dm do dz ec ee eg er es et eu fi fj \
    fk fm fo fr ga gb gd ge gf gg gh gi gl gm gn gp gq gr gs gt gu gw gy hk hm hn hr ht hu id ie il im in io \
    iq ir is it je jm jo jp ke kg kh ki km kn kp kr kw ky kz la lb lc li lk lr ls lt lu lv ly ma mc md me mg \
    mh mk ml mm mn mo mp mq mr ms mt mu mv mw mx my mz na nc ne nf ng ni nl no np nr nu nz om pa pe pf pg ph \
    pk pl pm pn pr ps pt pw py qa re ro rs ru rw sa sb sc sd se sg sh si sj sk sl sm sn so sr ss st su sv sx \
    sy sz tc td tf tg th tj tk tl tm tn to tr tt tv tw tz ua ug uk us uy uz va vc ve vg vi vn vu wf ws ye yt \
    za zm zw";

/// Those that people write without a scheme, of the thousand that there are.
const OTHERS: &str = "academy aero agency amsterdam app art asia berlin bet bike bio biz blog blue bot cafe cam camp careers \
    cat chat city click cloud club coffee com community company consulting cool coop dance date design dev \
    digital directory download earth eco edu education email energy engineering eus events expert express \
    family fans farm film finance fit foundation fun fyi gal gallery game games garden gay global google gov \
    green group guide guru health help host house icu inc info ink institute int international jobs land law \
    lgbt life link live lol london love ltd market marketing media mil mobi moe money monster museum music \
    name net network news ngo ninja nyc observer one online org ovh page paris party photo photography \
    photos pics pizza place plus post press pro pub quebec quest radio realty red report rest rip rocks run \
    sale school science scot services shop show site social software solar solutions space store studio \
    style support surf systems team tech technology tel theater tips today tokyo tools top tours town toys \
    trade training travel tube university uno video vip wales watch wedding wiki win wine work works world \
    wtf xyz yoga zone";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn domains_end_as_domains_do() {
        for text in ["example.com", "a.b.uk", "docs.rs", "x.social", "1.io"] {
            assert!(is_domain(text), "{text}");
        }
        for text in [
            "com",
            "example.zuerich",
            "index.js",
            "file.txt",
            "etc..",
            "Example.COM",
            "a.",
            "a.com ",
            ".",
            "",
            "a.com aero",
        ] {
            assert!(!is_domain(text), "{text}");
        }
    }
}
