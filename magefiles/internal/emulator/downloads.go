package emulator

import (
	"crypto/rand"
	"net/http"
	"os"
	"sync"
	"time"
)

// downloadPath is the path of packages. Their requests have a token instead of a
// signature.
const downloadPath = "/code/"

// downloadTime is how long a token is valid.
//
// https://docs.aws.amazon.com/lambda/latest/api/API_FunctionCodeLocation.html
const downloadTime = 10 * time.Minute

// downloads are the tokens that GetFunction has issued.
type downloads struct {
	mu     sync.Mutex
	tokens map[string]download
}

type download struct {
	codeSha256 string
	expires    time.Time
}

func newDownloads() *downloads { return &downloads{tokens: map[string]download{}} }

// issue returns a token for a package, and forgets the expired ones.
func (d *downloads) issue(codeSha256 string) string {
	d.mu.Lock()
	defer d.mu.Unlock()
	now := time.Now()
	for token, known := range d.tokens {
		if now.After(known.expires) {
			delete(d.tokens, token)
		}
	}
	token := rand.Text() + rand.Text()
	d.tokens[token] = download{codeSha256, now.Add(downloadTime)}
	return token
}

// resolve returns the digest of the package of a valid token.
func (d *downloads) resolve(token string) (codeSha256 string, ok bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	known, ok := d.tokens[token]
	return known.codeSha256, ok && time.Now().Before(known.expires)
}

// serveDownload sends a package's zip. A token can outlive its package, which an
// update may replace. It locks mu.
func (s *Server) serveDownload(w http.ResponseWriter, r *http.Request, token string) {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		http.Error(w, "only GET", http.StatusMethodNotAllowed)
		return
	}
	sum, ok := s.downloads.resolve(token)
	if !ok || !s.begin() {
		http.Error(w, "access denied, or the request has expired", http.StatusForbidden)
		return
	}
	defer s.work.Done()
	p, ok := s.packages.Find(sum)
	if !ok {
		http.Error(w, "no function uses this package any more", http.StatusNotFound)
		return
	}
	defer s.packages.Release(p)
	file, err := os.Open(p.Zip)
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	defer file.Close()
	w.Header().Set("Content-Type", "application/zip")
	http.ServeContent(w, r, "", time.Time{}, file)
}
