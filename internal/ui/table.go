package ui

// column is one of a table whose rows are Ts. Columns with the highest priorities go first where there is not room for
// all: they are 0, 1, 2 and so on.
type column[T any] struct {
	title    string
	cells    int
	most     int // where there is room to spare; 0 for no more than cells
	right    bool
	priority int
	value    func(d *drawing, row *T) string
}

// fitting is the columns that there is room for, in their order.
func fitting[T any](columns []column[T], cells int) []column[T] {
	use := make([]bool, len(columns))
	for priority := range columns {
		for i, c := range columns {
			if c.priority == priority && cells >= c.cells+1 {
				use[i] = true
				cells -= c.cells + 1
			}
		}
	}
	list := make([]column[T], 0, len(columns))
	for i, c := range columns {
		if use[i] {
			if c.most > c.cells {
				more := min(c.most-c.cells, cells)
				c.cells += more
				cells -= more
			}
			list = append(list, c)
		}
	}
	return list
}

// titles adds the columns' own.
func titles[T any](l *line, columns []column[T]) *line {
	for _, c := range columns {
		l.field(plain, c.cells, c.right, c.title)
	}
	return l
}

// values adds a row's.
func values[T any](l *line, d *drawing, r role, columns []column[T], row *T) *line {
	for _, c := range columns {
		l.field(r, c.cells, c.right, c.value(d, row))
	}
	return l
}

// field adds s in n cells, and one more.
func (l *line) field(r role, n int, right bool, s string) {
	s = l.theme.cut(s, n)
	if right {
		l.right(r, n, s).space(1)
	} else {
		l.left(r, n, s).space(1)
	}
}
