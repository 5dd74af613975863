"""What the seats behind the wire say, by the name of their model."""

from tests.frontends import car_wash
from tests.wires import Asked, Reply

WRITTEN = """## Take the car

The *car* has to be at the **car wash**, however short the way is:

1. start the `engine`
2. drive 100 m
3. wash it

| way | minutes |
|---|---:|
| walk | 2 |
| drive | 1 |

> A walk is good for *you*, not for the car.

See [the manual](https://example.com/manual) for more.

ANSWER: Drive
"""

HOSTILE = """<script>window.ran = "script"</script>
<img src=x onerror="window.ran = 'image'">
<svg onload="window.ran = 'svg'"><style>body { display: none !important }</style>
<iframe src="https://elsewhere.example/"></iframe>
<form action="https://elsewhere.example/"><button>Go on</button></form>

[press here](javascript:window.ran='link') and [here](data:text/html,<script>window.ran='data'</script>)
and [there](vbscript:x) and ![a picture](https://elsewhere.example/pixel.png) and <https://elsewhere.example/page>

```html
</code></pre><script>window.ran = "fence"</script>
```

`</code><img src=x onerror="window.ran = 'code'">` **<b onclick="window.ran = 1">bold</b>**

<link rel="stylesheet" href="https://elsewhere.example/style.css"> url(https://elsewhere.example/font)
"""

TURNED = "The answer is \u202e42 ton si\u202c and \x1b[2Jnothing\x07 \u2066else\u2069, العربية."

HUGE = "The end is far. " * 65_536  # 1 MiB

NASTY = ("*_`[<" * 4000 + "\n") * 5  # marks that nothing closes


def reply(asked: Asked) -> Reply | str:
    match asked.model:
        case "writer":
            return Reply(WRITTEN, chunk=8, gated=True)
        case "pausing":  # in the middle of every proposal
            said = car_wash.reply(asked)
            return Reply(said, chunk=8, gated=said == car_wash.ANSWER)
        case "hostile":
            return HOSTILE
        case "turning":
            return TURNED
        case "huge":
            return Reply(HUGE, chunk=65_536)
        case "nasty":
            return Reply(NASTY, chunk=10_000)
        case "stalling":
            return Reply(WRITTEN, stall=True)
        case "refusing":
            return Reply("this model refuses", status=400)
        case name:
            return f"{name} says: {len(asked.text)} characters.\n\nANSWER: {name}"
