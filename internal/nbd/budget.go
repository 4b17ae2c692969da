package nbd

import "sync"

const (
	smallRequest = 64 << 10  // bytes; up to it requests are bounded by how many a connection may have in hand
	connBudget   = 64 << 20  // bytes of larger requests that one connection may have in hand
	totalBudget  = 256 << 20 // and all of them together
)

// budget bounds the memory of all requests in hand. A connection that may have no more stops reading.
type budget struct {
	mu    sync.Mutex
	freed sync.Cond
	used  uint64
	most  uint64
}

// account is one connection's part of the budget.
type account struct {
	*budget
	own uint64 // guarded by budget.mu
}

// take charges n bytes, and waits until there is room. A connection with nothing else in hand may always take one
// request, so the wait ends with the connection's own requests at the latest. blocked is called before waiting.
func (a *account) take(n uint64, blocked func()) {
	if a.try(n) {
		return
	}
	blocked()
	a.mu.Lock()
	defer a.mu.Unlock()
	for !a.tryLocked(n) {
		a.freed.Wait()
	}
}

func (a *account) try(n uint64) bool {
	if n <= smallRequest {
		return true
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.tryLocked(n)
}

func (a *account) tryLocked(n uint64) bool {
	if a.own > 0 && (a.own+n > connBudget || a.used+n > a.most) {
		return false
	}
	a.own += n
	a.used += n
	return true
}

// give returns what take has charged.
func (a *account) give(n uint64) {
	if n <= smallRequest {
		return
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.own -= n
	a.used -= n
	a.freed.Broadcast()
}
