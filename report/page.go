package report

import "html/template"

// An SVG inside <img> runs no script and loads nothing, so that data URIs are
// safe whatever they hold.
var page = template.Must(template.New("page").Parse(`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; img-src data:; style-src 'unsafe-inline'">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>{{.Title}}</title>
<style>{{.Style}}</style>
</head>
<body>
<main>
<header>
<h1>{{.Title}}</h1>
{{- with .Summary}}
<p class="summary">{{.}}</p>
{{- end}}
{{- with .Facts}}
<dl>
{{- range .}}
<div><dt>{{.Name}}</dt><dd>{{.Value}}</dd></div>
{{- end}}
</dl>
{{- end}}
</header>
{{- range .Sections}}
<section>
{{- with .Title}}
<h2>{{.}}</h2>
{{- end}}
{{- with .Text}}
<p>{{.}}</p>
{{- end}}
{{- range .Tables}}
<div class="scroll"><table{{with .Others}} class="told" style="--others: {{.}}"{{end}}>
{{- with .Caption}}
<caption>{{.}}</caption>
{{- end}}
<thead><tr>{{range .Head}}<th scope="col"{{if .Numeric}} class="n"{{else if .Long}} class="t"{{end}}>{{.Text}}</th>{{end}}</tr></thead>
<tbody>
{{- range .Rows}}
<tr>{{range .}}<td{{if .Numeric}} class="n"{{else if .Long}} class="t"{{end}}>{{.Text}}</td>{{end}}</tr>
{{- end}}
</tbody>
</table></div>
{{- end}}
{{- $class := .Class}}
{{- with .Figures}}
<div class="{{$class}}">
{{- range .}}
<figure><picture>{{with .Dark}}<source srcset="{{.}}" media="(prefers-color-scheme: dark)">{{end}}<img src="{{.Light}}" alt="{{.Alt}}"></picture>
{{- with .Caption}}
<figcaption>{{.}}</figcaption>
{{- end}}</figure>
{{- end}}
</div>
{{- end}}
{{- with .JSON}}
<details><summary>JSON</summary><pre>{{.}}</pre></details>
{{- end}}
</section>
{{- end}}
{{- with .Footer}}
<footer>{{.}}</footer>
{{- end}}
</main>
</body>
</html>
`))

const style = `
:root { --page: #fff; --ink: #1d2330; --muted: #667085; --line: #e4e8ee; --soft: #f6f7f9; }
@media (prefers-color-scheme: dark) {
  :root { --page: #11151f; --ink: #e8ebf2; --muted: #98a2b5; --line: #262d3d; --soft: #181e2b; }
}
* { box-sizing: border-box; }
body { margin: 0; background: var(--page); color: var(--ink); font: 16px/1.55 Inter, system-ui, -apple-system, "Segoe UI", "Helvetica Neue", Arial, sans-serif; }
main { max-width: 70rem; margin: 0 auto; padding: 3rem 1.5rem 4rem; }
h1 { font-size: 2rem; line-height: 1.2; margin: 0 0 .5rem; letter-spacing: -.01em; }
h2 { font-size: 1.25rem; margin: 3rem 0 .75rem; padding-top: 1.25rem; border-top: 1px solid var(--line); }
p { margin: 0 0 1rem; max-width: 46rem; }
.summary { color: var(--muted); font-size: 1.1rem; }
dl { display: flex; flex-wrap: wrap; gap: .75rem 2.5rem; margin: 1.5rem 0 0; }
dt { color: var(--muted); font-size: .8rem; }
dd { margin: 0; font-size: 1.15rem; font-weight: 600; font-variant-numeric: tabular-nums; }
.scroll { overflow-x: auto; margin: 0 0 1.5rem; }
table { border-collapse: collapse; font-size: .92rem; font-variant-numeric: tabular-nums; }
caption { text-align: left; color: var(--muted); padding: 0 0 .5rem; }
th, td { text-align: left; padding: .45rem 1.25rem .45rem 0; border-bottom: 1px solid var(--line); white-space: nowrap; }
th { color: var(--muted); font-weight: 500; }
td { vertical-align: top; }
.n { text-align: right; }
.t { white-space: normal; min-width: 20rem; }
.figures { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(100%, 24rem), 1fr)); gap: 1.5rem; align-items: start; }
.small { grid-template-columns: repeat(auto-fill, minmax(min(100%, 15rem), 1fr)); gap: 1rem; }
.large { grid-template-columns: minmax(0, 52rem); }
.large figure { overflow-x: auto; }
.large img { min-width: 44rem; }
figure { margin: 0; border: 1px solid var(--line); border-radius: 8px; overflow: hidden; }
img { display: block; width: 100%; height: auto; }
figcaption { padding: .6rem 1rem .7rem; color: var(--muted); font-size: .88rem; border-top: 1px solid var(--line); }
details { margin: 1rem 0; }
summary { cursor: pointer; color: var(--muted); }
pre { background: var(--soft); border: 1px solid var(--line); border-radius: 8px; padding: 1rem; overflow-x: auto; font: .85rem/1.5 ui-monospace, SFMono-Regular, Menlo, Consolas, monospace; }
footer { margin-top: 3rem; padding-top: 1rem; border-top: 1px solid var(--line); color: var(--muted); font-size: .85rem; }
@media (max-width: 40rem) {
  th, td { white-space: normal; padding-right: .75rem; }
  main { padding: 1.5rem 1rem 3rem; }
  .told { display: grid; grid-template-columns: repeat(var(--others), auto); }
  .told thead, .told tbody, .told tr { display: contents; }
  .told caption, .told .t { grid-column: 1 / -1; }
  .told th, .told td { border: 0; padding: .45rem .75rem 0 0; }
  .told td.t { min-width: 0; padding: .1rem 0 .6rem; border-bottom: 1px solid var(--line); }
  .told td:first-child { font-weight: 600; }
  .told th.t { display: none; }
}
@media print { main { padding: 0; max-width: none; } section { break-inside: avoid-page; } }
`
