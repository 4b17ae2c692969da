package nbd

import "sync"

// budget bounds the memory of all requests in hand. A connection that may have no more stops reading.
type budget struct {
	mu    sync.Mutex
	freed sync.Cond
	used  uint64
	most  uint64
	share uint64 // what a connection with nothing else in hand may always have, so that nobody is kept from everything
}

// wake has those who wait look whether they still want to.
func (b *budget) wake() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.freed.Broadcast()
}

// account is one connection's part of the budget.
type account struct {
	*budget
	over func() bool // the connection is at its end
	own  uint64      // guarded by budget.mu
}

// take charges n bytes, and waits until there is room; it reports false where the connection ends before. blocked is
// called before waiting. Clients that do not read what they asked for are given up in the end, so there will be room.
func (a *account) take(n uint64, blocked func()) bool {
	if a.try(n) {
		return true
	}
	blocked()
	a.mu.Lock()
	defer a.mu.Unlock()
	for !a.tryLocked(n) {
		if a.over() {
			return false
		}
		a.freed.Wait()
	}
	return true
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
	fits := a.used == 0 || a.used+n <= a.most || a.own == 0 && n <= a.share
	if !fits || a.own > 0 && a.own+n > connBudget {
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
