package emulator

import (
	"crypto/rand"
	"maps"
	"net/http"
	"time"
)

// downloadPath is the path of packages. Their requests have a token instead of a
// signature.
const downloadPath = "/code/"

type download struct {
	codeSha256 string
	expires    time.Time
}

// downloadURL returns a URL of a package that is valid for ten minutes.
//
// https://docs.aws.amazon.com/lambda/latest/api/API_FunctionCodeLocation.html
func (s *Server) downloadURL(codeSha256 string) string {
	now := time.Now()
	maps.DeleteFunc(s.downloads, func(_ string, d download) bool { return now.After(d.expires) })
	token := rand.Text() + rand.Text()
	s.downloads[token] = download{codeSha256, now.Add(10 * time.Minute)}
	return s.url + downloadPath + token
}

// offers reports whether there is a download with the token. It locks mu.
func (s *Server) offers(token string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	_, ok := s.downloads[token]
	return ok
}

// serveDownload sends a package's zip. A token can outlive its package, which an
// update may replace. It locks mu.
func (s *Server) serveDownload(w http.ResponseWriter, r *http.Request, token string) {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		http.Error(w, "only GET is allowed", http.StatusMethodNotAllowed)
		return
	}
	s.mu.Lock()
	d := s.downloads[token]
	s.mu.Unlock()
	if !time.Now().Before(d.expires) || !s.begin() {
		http.Error(w, "access denied, or the request has expired", http.StatusForbidden)
		return
	}
	defer s.work.Done()
	p := s.packages.Find(d.codeSha256)
	if p == nil {
		http.Error(w, "no function and no layer has this package", http.StatusNotFound)
		return
	}
	defer s.packages.Release(p)
	http.ServeFile(w, r, p.Zip)
}
