enum StatusStyle {
  static let sheet: StaticString = """
    :root{color-scheme:light dark;--paper:#f7f6f3;--card:#fff;--ink:#23262b;--soft:#5c636e;--line:#e3e1db;\
    --link:#1d5fa8;--ok:#1f7a4d;--minor:#8a6100;--major:#b04a00;--critical:#b3261e;--info:#4a5b86}
    @media(prefers-color-scheme:dark){:root{--paper:#15171b;--card:#1e2126;--ink:#e7e8ea;--soft:#a3aab5;\
    --line:#333840;--link:#8ab8f0;--ok:#63c795;--minor:#e2b654;--major:#f09a5b;--critical:#ff8a80;--info:#a8b8e4}}
    *{box-sizing:border-box}
    body{margin:0;background:var(--paper);color:var(--ink);font:16px/1.65 system-ui,-apple-system,"Segoe UI",\
    "Hiragino Sans","Noto Sans JP","Noto Sans CJK JP",Meiryo,sans-serif;overflow-wrap:anywhere}
    .w{max-width:46rem;margin:0 auto;padding:0 1.1rem}
    header .w{display:flex;justify-content:space-between;align-items:center;gap:1rem;padding-block:1.3rem}
    header p{margin:0;font-weight:650}header nav{white-space:nowrap;font-size:.9rem}
    a{color:var(--link);text-underline-offset:.18em}
    a:focus-visible,summary:focus-visible{outline:3px solid var(--link);outline-offset:3px;border-radius:3px}
    .skip{position:absolute;left:-99rem}.skip:focus{left:1rem;top:.5rem;background:var(--card);padding:.4rem .8rem}
    h1{font-size:1.35rem;line-height:1.4;margin:0}h2{font-size:1.05rem;margin:2.4rem 0 .7rem}
    h3{font-size:1rem;line-height:1.5;margin:0}h4{font-size:.9rem;margin:1.2rem 0 .4rem;color:var(--soft)}
    .none{--c:var(--ok)}.minor{--c:var(--minor)}.major{--c:var(--major)}.critical{--c:var(--critical)}.info{--c:var(--info)}
    .card{background:var(--card);border:1px solid var(--line);border-radius:12px;padding:1.1rem 1.25rem;margin:0 0 1rem}
    .banner{border-left:6px solid var(--c);display:flex;gap:.9rem;align-items:baseline}
    .banner p{margin:.2rem 0 0;color:var(--soft);font-size:.9rem}
    .mark{color:var(--c);flex-shrink:0;font-weight:700;max-width:50%}
    .alert{border-top:4px solid var(--c)}
    .badge{display:inline-block;color:var(--c);border:1px solid;border-radius:99px;padding:0 .65rem;font-size:.82rem;\
    font-weight:600;margin:0 0 .35rem}
    ul,ol{list-style:none;margin:0;padding:0}
    .bars li{display:grid;grid-template-columns:1fr auto;gap:.1rem 1rem;margin:.7rem 0}
    .bars span{font-variant-numeric:tabular-nums}.bars small{color:var(--soft)}
    progress{grid-column:1/-1;width:100%;height:.6rem;border:0;border-radius:9px;overflow:hidden;background:var(--line);\
    appearance:none;color:var(--info)}
    progress::-webkit-progress-bar{background:var(--line)}progress::-webkit-progress-value{background:var(--info);\
    border-radius:9px}progress::-moz-progress-bar{background:var(--info)}
    dl{margin:1rem 0 0}dt{font-weight:650;font-size:.9rem}dd{margin:0 0 .65rem}
    .log li{border-left:2px solid var(--line);padding:0 0 .8rem .9rem}.log p{margin:0}
    .log b{font-size:.88rem;font-weight:650}time{color:var(--soft);font-size:.85rem;font-variant-numeric:tabular-nums}
    .rows{padding:.3rem 1.25rem}.rows li{display:flex;justify-content:space-between;gap:1rem;padding:.6rem 0;\
    border-top:1px solid var(--line)}.rows li:first-child{border:0}.rows small{display:block;color:var(--soft)}
    .rows li>span:first-child{min-width:45%}.rows .mark{font-size:.92rem;font-weight:600;text-align:right}
    .zone{margin:1.2rem 0 .5rem;font-size:.92rem;color:var(--soft)}
    summary{cursor:pointer}summary h3{display:inline}summary time,.quiet{display:block;color:var(--soft);font-size:.9rem}
    table{border-collapse:collapse;font-size:.85rem;color:var(--soft);width:100%}caption{text-align:left}\
    th,td{text-align:left;font-weight:400;padding:.1rem .8rem .1rem 0;font-variant-numeric:tabular-nums}\
    th{white-space:nowrap}\
    select,button,input{font:inherit;color:inherit;background:var(--card);border:1px solid var(--line);border-radius:6px;\
    padding:.15rem .5rem}form{margin:.3rem 0}
    .p{margin:.8rem 0 0}footer{margin:2.5rem 0;color:var(--soft);font-size:.85rem}footer p{margin:.3rem 0}
    @media(max-width:30rem){.card{padding:1rem}.rows{padding:.2rem 1rem}h1{font-size:1.2rem}}
    """
}
