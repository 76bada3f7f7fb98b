package report

import (
	"bytes"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"html"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

var screenshots = flag.String("screenshots", "", "with Chromium, also write screenshots to this directory")

// measure is a script that tells the page around what it finds in a page, with all
// details open.
const measure = `<script>
addEventListener("load", () => {
	document.querySelectorAll("details").forEach(e => e.open = true);
	const outside = [];
	for (const e of document.querySelectorAll("body *:not(svg *):not(thead *):not(thead)")) {
		const box = e.getBoundingClientRect();
		if (box.width > 0 && (box.right > innerWidth + 1 || box.left < -1)) outside.push(e.outerHTML.slice(0, 80));
	}
	const bars = [...document.querySelectorAll("rect")].filter(e => !e.closest("defs") && e.getBoundingClientRect().width > 0).length;
	parent.postMessage([location.hash.slice(1), {
		Scroll: document.documentElement.scrollWidth, Page: getComputedStyle(document.body).backgroundColor,
		Count: outside.length, Outside: outside.slice(0, 5), Bars: bars,
	}], "*");
});
</script></head>`

// collect is a script that replaces the document by what pages in it tell.
const collect = `<script>
const found = {};
addEventListener("message", e => { found[e.data[0]] = e.data[1]; document.getElementById("found").textContent = JSON.stringify(found); });
</script>`

// TestChromium lays pages out as on a phone and on a wide screen, and checks that
// nothing is wider than the window. Windows of Chromium are not as narrow as phones,
// but frames in them are.
func TestChromium(t *testing.T) {
	browser := chromium(t)
	dir := t.TempDir()
	type view struct {
		functions, width int
		scheme, page     string // the background of a scheme
	}
	var views []view
	for _, n := range []int{3, 300} {
		for _, width := range []int{400, 1400} {
			views = append(views, view{n, width, "light", "rgb(255, 255, 255)"}, view{n, width, "dark", "rgb(20, 23, 26)"})
		}
	}
	frames := "<!DOCTYPE html>" + collect + `<p id="found"></p>`
	for i, v := range views {
		page := rendered(t, rehearsed(v.functions))
		// The page allows no scripts.
		open := strings.Replace(page, `http-equiv="Content-Security-Policy"`, `name="no-policy"`, 1)
		writeFile(t, filepath.Join(dir, fmt.Sprintf("%d.html", i)), strings.Replace(open, "</head>", measure, 1))
		frame := `<iframe src="%s" style="width: %dpx; height: 2500px; border: 0; color-scheme: %s"></iframe>`
		frames += fmt.Sprintf(frame, fmt.Sprintf("%d.html#%[1]d", i), v.width, v.scheme)
		if *screenshots != "" {
			writeFile(t, filepath.Join(dir, fmt.Sprintf("plain%d.html", i)), page)
			shot := fmt.Sprintf("<!DOCTYPE html><body style='margin: 0'>"+frame, fmt.Sprintf("plain%d.html", i), v.width, v.scheme)
			writeFile(t, filepath.Join(dir, "shot.html"), shot)
			file := filepath.Join(*screenshots, fmt.Sprintf("%d-functions-%d-%s.png", v.functions, v.width, v.scheme))
			browser.open(t, filepath.Join(dir, "shot.html"), "--screenshot="+file, fmt.Sprintf("--window-size=%d,2500", v.width))
		}
	}
	writeFile(t, filepath.Join(dir, "frames.html"), frames)
	dom := browser.open(t, filepath.Join(dir, "frames.html"), "--dump-dom", "--window-size=1500,3000", "--virtual-time-budget=20000")
	_, body, _ := strings.Cut(dom, `<p id="found">`)
	body, _, _ = strings.Cut(body, "</p>")
	var found map[int]struct {
		Scroll, Count, Bars int
		Page                string
		Outside             []string
	}
	if err := json.Unmarshal([]byte(html.UnescapeString(body)), &found); err != nil {
		t.Fatalf("%v in %.500s", err, dom)
	}
	for i, v := range views {
		f := found[i]
		if f.Scroll != v.width || f.Count > 0 {
			t.Errorf("%+v: the document is %d wide, and %d elements are outside, such as %q", v, f.Scroll, f.Count, f.Outside)
		}
		if f.Page != v.page {
			t.Errorf("%+v: the background is %q", v, f.Page)
		}
		if least := 3 * v.functions; f.Bars < least {
			t.Errorf("%+v: %d bars are visible, want at least %d", v, f.Bars, least)
		}
	}
}

func writeFile(t *testing.T, path, content string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
		t.Fatal(err)
	}
}

// browser is the path of Chromium.
type browser string

func chromium(t *testing.T) browser {
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome", "google-chrome-stable"} {
		if path, err := exec.LookPath(name); err == nil {
			return browser(path)
		}
	}
	t.Skip("Chromium is not installed")
	return ""
}

// open opens a page and returns what Chromium writes to stdout.
func (b browser) open(t *testing.T, path string, args ...string) string {
	t.Helper()
	args = append(args,
		"--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run", "--hide-scrollbars",
		"--disable-background-networking", "--disable-component-update", "--disable-sync",
		"--user-data-dir="+t.TempDir(), "file:///"+strings.TrimPrefix(filepath.ToSlash(path), "/"))
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, string(b), args...)
	cmd.WaitDelay = time.Second
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	stdout, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v\n%s", err, stderr.String())
	}
	return string(stdout)
}
