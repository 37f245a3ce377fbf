//! What is masked in one value.

use replay::traffic::{Found, Redactor};

fn redactor(pointers: &[&str]) -> Redactor {
    Redactor::new(pointers).unwrap()
}

fn text(bytes: &[u8]) -> String {
    bytes.escape_ascii().to_string().replace("\\\"", "\"").replace("\\'", "'")
}

#[test]
fn headers_that_carry_credentials() {
    for (name, value, masked) in [
        ("Authorization", "Bearer abc", "***"),
        ("proxy-authorization", "Basic YTpi", "***"),
        ("cookie", "a=b; c=d", "***"),
        ("SET-COOKIE", "sid=1; Path=/", "***"),
        ("x-api-key", "k", "***"),
        ("x-amz-security-token", "k", "***"),
        ("cookie", "", ""),
        ("accept", "text/html", "text/html"),
        (
            "www-authenticate",
            "Bearer realm=\"a\", error=\"invalid_token\"",
            "Bearer realm=\"a\", error=\"invalid_token\"",
        ),
        ("content-type", "multipart/form-data; boundary=x", "multipart/form-data; boundary=x"),
        (
            "referer",
            "https://u:p@a.example/x?page=2&access_token=abc#top",
            "https://***@a.example/x?page=2&access_token=***#top",
        ),
        ("location", "/cb?code=abc&state=1#id_token=eyJ.e.s", "/cb?code=***&state=1#id_token=***"),
        ("x-forwarded-header", "authorization: Bearer abc", "authorization: ***"),
        (":path", "/a?token=b", "/a?token=***"),
        (":authority", "u:p@a", "***@a"),
        ("Host", "u:p@a:80", "***@a:80"),
    ] {
        let redactor = redactor(&[]);
        let got = redactor.header(name, value.as_bytes(), &mut Found::default());
        assert_eq!(text(&got), masked, "{name}: {value}");
        assert_eq!(Redactor::off().header(name, value.as_bytes(), &mut Found::default()), value.as_bytes());
    }
}

#[test]
fn paths_and_urls() {
    for (path, masked) in [
        ("/a/b?page=2", "/a/b?page=2"),
        ("/a?token=b&page=2&TOKEN=c", "/a?token=***&page=2&TOKEN=***"),
        ("/a?token=", "/a?token="),
        ("/a?token", "/a?token"),
        ("/a?to%6ben=b", "/a?to%6ben=***"),
        ("/a?user[password]=b;page=2&x=1", "/a?user[password]=***&x=1"),
        ("/a?x=1;token=b", "/a?x=1;token=***"),
        ("/a?token=b/c?d=e&x", "/a?token=***&x"),
        ("/a;jsessionid=1/b;v=2?x", "/a;jsessionid=***/b;v=2?x"),
        ("/a%3bjsessionid%3d1/b", "/***/b"),
        ("/a?next=https%3A%2F%2Fb%2F%3Ftoken%3Dc&x=1", "/a?next=***&x=1"),
        ("/a?next=https://b/?token=c&x=1", "/a?next=https://b/?token=***&x=1"),
        ("/cb#access_token=a&type=b", "/cb#access_token=***&type=b"),
        ("https://u:p@a.example:1/x?key=y", "https://***@a.example:1/x?key=***"),
        ("http://a@b@c/x", "http://***@c/x"),
        ("*", "*"),
        ("/a?q=a+b%20c%2Bd&keyword=x&zipcode=1", "/a?q=a+b%20c%2Bd&keyword=x&zipcode=1"),
    ] {
        let redactor = redactor(&[]);
        let got = redactor.path(path.as_bytes(), &mut Found::default()).into_owned();
        assert_eq!(text(&got), masked, "{path}");
        assert_eq!(redactor.path(&got, &mut Found::default()), got, "masked once more");
    }
}

#[test]
fn forms() {
    let multipart = "multipart/form-data; boundary=\"-B\"";
    for (content_type, body, masked) in [
        ("application/x-www-form-urlencoded", "user=a&password=b%26c&x", "user=a&password=***&x"),
        ("", "user=a&password=b", "user=a&password=***"),
        ("text/plain", "user=a&password=b", "user=a&password=b"),
        (
            multipart,
            "---B\r\nContent-Disposition: form-data; name=\"user\"\r\n\r\na\r\n---B\r\n\
             content-disposition: form-data; filename=\"name=x\"; name=password\r\n\r\nb\r\nc\r\n---B--\r\n",
            "---B\r\nContent-Disposition: form-data; name=\"user\"\r\n\r\na\r\n---B\r\n\
             content-disposition: form-data; filename=\"name=x\"; name=password\r\n\r\n***\r\n---B--\r\n",
        ),
        (
            "multipart/form-data",
            "--x\nContent-Disposition: form-data; name=\"token\"\n\nb\n--x--",
            "--x\nContent-Disposition: form-data; name=\"token\"\n\n***\n--x--",
        ),
    ] {
        let content_type = (!content_type.is_empty()).then_some(content_type.as_bytes());
        let redactor = redactor(&[]);
        let got = redactor.body(content_type, body.as_bytes(), &mut Found::default());
        assert_eq!(String::from_utf8_lossy(&got), masked, "{body}");
    }
}

#[test]
fn json_by_pointer() {
    let json = Some(&b"application/problem+json; charset=utf-8"[..]);
    for (pointers, body, masked) in [
        (
            &["/password"][..],
            r#"{ "a": 1.10,  "password" : "x\"y", "b": [1] }"#,
            r#"{ "a": 1.10,  "password" : "***", "b": [1] }"#,
        ),
        (
            &["/password"],
            r#"{"password": "x", "password": {"deep": 1}}"#,
            r#"{"password": "***", "password": "***"}"#,
        ),
        (
            &["/a/1/b~1c~0d"],
            r#"{"a": [1, {"b/c~d": 5, "e": 12345678901234567890}]}"#,
            r#"{"a": [1, {"b/c~d": "***", "e": 12345678901234567890}]}"#,
        ),
        (&[""], r#" {"a": 1}"#, r#" "***""#),
        (&["/a", "/a/b"], r#"{"a": {"b": 1}}"#, r#"{"a": "***"}"#),
        (&["/a/b"], r#"{"a": "x"}"#, r#"{"a": "x"}"#),
        (&["/\u{e9}"], r#"{"\u00e9": 1}"#, r#"{"\u00e9": "***"}"#),
        // What a strict reader cannot read, a lax one may.
        (&["/a"], r#"{"a": 'secret'}"#, "***"),
        (&["/a"], "{\"a\": \"b\"}\n{\"a\": \"c\"}", "***"),
        (&[], r#"{"a": 'secret'}"#, r#"{"a": 'secret'}"#),
        (&["/a"], "", ""),
    ] {
        for content_type in [json, None] {
            let redactor = redactor(pointers);
            let got = redactor.body(content_type, body.as_bytes(), &mut Found::default());
            assert_eq!(String::from_utf8_lossy(&got), masked, "{pointers:?} {body}");
        }
    }
    for pointer in ["password", "/a~2", "/a~"] {
        let error = Redactor::new(&[pointer]).unwrap_err().to_string();
        assert_eq!(error, format!("{pointer:?} is not a JSON pointer"));
    }
}

#[test]
fn texts_lose_what_was_found_and_what_looks_like_a_credential() {
    let redactor = redactor(&["/pin"]);
    let mut found = Found::default();
    redactor.header("authorization", b"Basic YWxpY2U6aHVudGVyMg==", &mut found);
    redactor.header("cookie", b"sid=deadbeef; x=a%2Fb%2Fc", &mut found);
    redactor.path(b"/?token=s3cr3t%21&page=9999", &mut found);
    redactor.body(None, br#"{"pin": 123456}"#, &mut found);
    for (text, masked) in [
        ("user alice, password hunter2!", "user alice, password ***!"),
        ("YWxpY2U6aHVudGVyMg== deadbeef a/b/c", "*** *** ***"),
        ("token s3cr3t%21 is s3cr3t! on page 9999", "token *** is *** on page 9999"),
        ("pin=123456", "pin=***"),
        ("bearer abc.def-ghi rest", "bearer *** rest"),
        ("Basic dXNlcjpwYXNz and basic auth", "Basic *** and basic auth"),
        ("jwt eyJhbGciOiJub25lIn0.eyJzdWIiOiJhIn0. end", "jwt *** end"),
        ("GET https://a:b@c/d?sig=1 200", "GET https://***@c/d?sig=*** 200"),
        ("password=abc, code=200", "password=***, code=200"),
        (r#"{"code":200,"access_token":"abc","x":1}"#, r#"{"code":200,"access_token":"***","x":1}"#),
        (r#""{\"refresh_token\":\"abc\"}""#, r#""{\"refresh_token\":\"***\"}""#),
        ("authorization: Basic abc def\nx-api-key: k", "authorization: ***\nx-api-key: ***"),
        ("nothing of the kind: key, code, page=2", "nothing of the kind: key, code, page=2"),
        ("", ""),
    ] {
        let got = redactor.text(text.as_bytes(), &found).into_owned();
        assert_eq!(String::from_utf8_lossy(&got), masked);
        assert_eq!(redactor.text(&got, &found), got, "masked once more");
        assert_eq!(Redactor::off().text(text.as_bytes(), &found), text.as_bytes());
    }
}

/// Were any of these looked at more than once per byte, this would take minutes.
#[test]
fn hostile_values_are_read_once() {
    let redactor = redactor(&["/a"]);
    for piece in
        ["eyJ-", "b-", "a=", "a:", "://", "://@", "\"", "token:\"", "bearer ", ";a=bcde", "%3d", "&", "//"]
    {
        let text = piece.repeat((1 << 18) / piece.len());
        let mut found = Found::default();
        redactor.header("cookie", text.as_bytes(), &mut found);
        redactor.header("x", text.as_bytes(), &mut found);
        redactor.path(text.as_bytes(), &mut found);
        redactor.body(None, text.as_bytes(), &mut found);
        redactor.raw(text.as_bytes(), &mut found);
        let masked = redactor.text(text.as_bytes(), &Found::default()).into_owned();
        assert_eq!(redactor.text(&masked, &Found::default()), masked, "{piece}");
    }
}

#[test]
fn raw_requests() {
    let redactor = redactor(&["/password"]);
    for (raw, masked) in [
        (
            "\r\nGET\t/a?token=b  HTTP/1.1\r\nHost: a\r\nAuthorization:\tBearer abc\r\n more\r\nX: 1\r\n\r\n",
            "\r\nGET\t/a?token=***  HTTP/1.1\r\nHost: a\r\nAuthorization:\t***\r\n ***\r\nX: 1\r\n\r\n",
        ),
        (
            "POST / HTTP/1.1\nhost: a\ncontent-length: 20\n\n{\"password\":\"abcdef\"}"
                .replace("20", "21")
                .as_str(),
            "POST / HTTP/1.1\nhost: a\ncontent-length: 18\n\n{\"password\":\"***\"}",
        ),
        (
            "POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n\
             8\r\npassword\r\n4\r\n=abc\r\n0\r\nset-cookie: a=b\r\n\r\n",
            "POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n\
             c\r\npassword=***\r\n0\r\nset-cookie: ***\r\n\r\n",
        ),
        (
            "GET /x HTTP/1.1\r\nx: \0\r\n\r\nGET /?key=abcd HTTP/1.1\r\ncookie: a=b\r\n\r\n",
            "GET /x HTTP/1.1\r\nx: \0\r\n\r\nGET /?key=*** HTTP/1.1\r\ncookie: ***\r\n\r\n",
        ),
    ] {
        let got = redactor.raw(raw.as_bytes(), &mut Found::default());
        assert_eq!(String::from_utf8_lossy(&got), masked);
    }
}
