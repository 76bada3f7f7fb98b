package emulator

import (
	"crypto/rand"
	"encoding/base64"
	"sync"

	"github.com/aws/aws-sdk-go-v2/aws"
)

// key is an access key, and whose it is.
type key struct {
	aws.Credentials
	account string
	arn, id string // of the user or the session of a role, as GetCallerIdentity reports it
}

// keyring has the access keys that servers accept. It is safe for concurrent use.
type keyring struct {
	mu   sync.Mutex
	keys map[string]key // by access key ID
}

func newKeyring() *keyring { return &keyring{keys: map[string]key{}} }

func (k *keyring) add(added key) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.keys[added.AccessKeyID] = added
}

// find returns the key with an ID, or the zero key, which belongs to no account.
func (k *keyring) find(id string) key {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.keys[id]
}

// randomCredentials returns an access key whose ID begins with a prefix: AKIA for
// users, ASIA for sessions.
//
// https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_identifiers.html#identifiers-unique-ids
func randomCredentials(prefix string) aws.Credentials {
	secret := make([]byte, 30)
	rand.Read(secret)
	return aws.Credentials{
		AccessKeyID:     prefix + rand.Text()[:16],
		SecretAccessKey: base64.StdEncoding.EncodeToString(secret),
		Source:          "emulator",
	}
}
