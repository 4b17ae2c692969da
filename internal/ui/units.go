package ui

import (
	"fmt"
	"strconv"
	"time"
)

// Sizes are in powers of 1024. They have at most five characters and a unit, so that nothing moves when they change.

// scaled is n as a number of at most five characters and the power of 1024 to read it by.
func scaled(n float64) (number string, power int) {
	for ; n >= 999.95 && power < 6; power++ {
		n /= 1024
	}
	if power == 0 {
		return strconv.Itoa(int(n)), 0
	}
	return strconv.FormatFloat(n, 'f', 1, 64), power
}

// bytesText is n bytes for people: "19.0 GiB".
func bytesText(n float64) string {
	number, power := scaled(n)
	return number + " " + [...]string{"B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"}[power]
}

// bytesShort is the same for narrow columns: "19.0G".
func bytesShort(n float64) string {
	number, power := scaled(n)
	return number + [...]string{"", "K", "M", "G", "T", "P", "E"}[power]
}

// offsetText is an offset to four digits, so that neighbours can be told apart: "3.617G", "361.7M".
func offsetText(n float64) string {
	power := 0
	for ; n >= 999.95 && power < 6; power++ {
		n /= 1024
	}
	if power == 0 {
		return strconv.Itoa(int(n))
	}
	digits := 3
	for _, limit := range [...]float64{9.9995, 99.995} {
		if n >= limit {
			digits--
		}
	}
	return strconv.FormatFloat(n, 'f', digits, 64) + [...]string{"", "K", "M", "G", "T", "P", "E"}[power]
}

// count is a number in at most seven characters: "71,234", "1.23M".
func count(n uint64) string {
	if n < 1e6 {
		if n < 1000 {
			return strconv.FormatUint(n, 10)
		}
		return fmt.Sprintf("%d,%03d", n/1000, n%1000)
	}
	return decimal(n, 2)
}

// countShort is a number in at most four characters: "71k", "1.2M".
func countShort(n uint64) string {
	if n < 1000 {
		return strconv.FormatUint(n, 10)
	}
	return decimal(n, 1)
}

// decimal scales n by powers of 1000, with so many digits after the point where there is one before it.
func decimal(n uint64, digits int) string {
	f, unit := float64(n), -1
	for f >= 999.5 {
		f /= 1000
		unit++
	}
	if f >= 9.95 {
		digits--
	}
	if f >= 99.5 {
		digits = 0
	}
	return strconv.FormatFloat(f, 'f', max(digits, 0), 64) + "kMGTPE"[unit:unit+1]
}

// clock is a time that has passed, to the second: "00:51", "1:02:03", "3d 04h".
func clock(d time.Duration) string {
	s := int(max(d, 0) / time.Second)
	switch {
	case s < 3600:
		return fmt.Sprintf("%02d:%02d", s/60, s%60)
	case s < 86400:
		return fmt.Sprintf("%d:%02d:%02d", s/3600, s/60%60, s%60)
	}
	return fmt.Sprintf("%dd %02dh", s/86400, s/3600%24)
}

// age is a short time: "84 ms", "1.4 s", "31 s".
func age(d time.Duration) string {
	switch {
	case d < time.Second:
		return fmt.Sprintf("%d ms", d/time.Millisecond)
	case d < 10*time.Second:
		return fmt.Sprintf("%.1f s", d.Seconds())
	}
	return fmt.Sprintf("%d s", d/time.Second)
}

// plural is "1 client", "2 clients".
func plural(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return strconv.Itoa(n) + " " + noun + "s"
}
