//! Whether a command printed what the page shows.

/// Stands for any text, more lines included.
const ELLIPSIS: char = '…';

/// Whether `printed` is `shown`. White space at the ends of lines does not count, nor do empty lines at the end.
pub(crate) fn is_as_shown(shown: &str, printed: &str) -> bool {
    let (shown, printed) = (tidy(shown), tidy(printed));
    let mut parts = shown.split(ELLIPSIS);
    let Some(first) = parts.next() else { return false };
    let Some(mut rest) = printed.strip_prefix(first) else { return false };
    let Some(last) = shown.contains(ELLIPSIS).then(|| parts.next_back()).flatten() else {
        return rest.is_empty();
    };
    for part in parts {
        let Some((_, after)) = rest.split_once(part) else { return false };
        rest = after;
    }
    rest.ends_with(last)
}

fn tidy(text: &str) -> String {
    let lines: Vec<&str> = text.lines().map(str::trim_end).collect();
    lines.join("\n").trim_end().to_owned()
}

#[test]
fn an_ellipsis_stands_for_anything_and_nothing_else_does() {
    for (shown, printed) in [
        ("405\n", "405"),
        ("HTTP/2 405\nallow: GET\n…\n", "HTTP/2 405 \r\nallow: GET\r\ndate: now\r\n\r\n"),
        ("a …c\nd", "a b c\nd"),
        ("…", "anything"),
        ("a…a", "aa"),
        ("", "\n"),
    ] {
        assert!(is_as_shown(shown, printed), "{shown:?} {printed:?}");
    }
    for (shown, printed) in [
        ("405", "4050"),
        ("405", ""),
        ("a…b", "a"),
        ("a…a", "a"),
        ("…x…", "abc"),
        ("b…", "abc"),
        ("a…b", "abc"),
        ("", "x"),
    ] {
        assert!(!is_as_shown(shown, printed), "{shown:?} {printed:?}");
    }
}
