package emulator

import (
	"crypto/rand"
	"net/http"
	"os"
	"sync"
	"time"
)

// locationPath is where packages can be had without a signature, by a token.
const locationPath = "/code/"

// locationTime is how long a token is good for.
//
// https://docs.aws.amazon.com/lambda/latest/api/API_FunctionCodeLocation.html
const locationTime = 10 * time.Minute

// locations are the tokens that GetFunction has given out.
type locations struct {
	mu     sync.Mutex
	tokens map[string]location
}

type location struct {
	sha256  string
	expires time.Time
}

func newLocations() *locations {
	return &locations{tokens: map[string]location{}}
}

// issue makes a token for a package, and forgets those that have expired.
func (l *locations) issue(sha256 string) string {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := time.Now()
	for token, where := range l.tokens {
		if now.After(where.expires) {
			delete(l.tokens, token)
		}
	}
	token := rand.Text() + rand.Text()
	l.tokens[token] = location{sha256, now.Add(locationTime)}
	return token
}

// resolve is the digest of the package that a token is for.
func (l *locations) resolve(token string) (sha256 string, ok bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	where, ok := l.tokens[token]
	return where.sha256, ok && time.Now().Before(where.expires)
}

// serveLocation sends a package's zip. A token outlives the package that it is
// for when an update replaces it; then there is nothing left to send.
func (s *Server) serveLocation(w http.ResponseWriter, r *http.Request, token string) {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		http.Error(w, "only GET", http.StatusMethodNotAllowed)
		return
	}
	sum, ok := s.locations.resolve(token)
	if !ok || !s.begin() {
		http.Error(w, "access denied, or the request has expired", http.StatusForbidden)
		return
	}
	defer s.work.Done()
	p, ok := s.packages.find(sum)
	if !ok {
		http.Error(w, "no function uses this package any more", http.StatusNotFound)
		return
	}
	defer s.packages.release(p)
	file, err := os.Open(p.zip)
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	defer file.Close()
	w.Header().Set("Content-Type", "application/zip")
	http.ServeContent(w, r, "", time.Time{}, file)
}
