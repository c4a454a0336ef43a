package table

import (
	"math"
	"strings"
	"time"
)

// layouts are the ways of writing dates and times that are tried, in order:
// padded before unpadded, day before month only where the month comes first
// in no other reading.
var layouts = []string{
	"2006-01-02", "2006-01-02 15:04:05", "2006-01-02T15:04:05", "2006-01-02 15:04", "2006-01-02T15:04",
	"2006-01-02T15:04:05Z07:00", "2006-01-02 15:04:05Z07:00", "2006-01-02T15:04:05-0700", "2006-01-02 15:04:05 -0700", "2006-01-02 15:04:05 MST",
	"2006-01-02T15:04:05.000Z07:00", "2006-01-02T15:04:05.000", "2006-01-02 15:04:05.000",
	"2006-01-02T15:04:05.000000Z07:00", "2006-01-02T15:04:05.000000", "2006-01-02 15:04:05.000000",
	"2006/01/02", "2006/01/02 15:04:05", "2006/01/02 15:04", "2006.01.02",
	"01/02/2006", "02/01/2006", "01/02/2006 15:04:05", "02/01/2006 15:04:05", "01/02/2006 15:04", "02/01/2006 15:04",
	"1/2/2006", "2/1/2006", "1/2/2006 15:04:05", "2/1/2006 15:04:05", "1/2/2006 15:04", "2/1/2006 15:04",
	"01/02/2006 03:04:05 PM", "1/2/2006 3:04:05 PM", "01/02/2006 03:04 PM", "1/2/2006 3:04 PM",
	"01/02/06", "02/01/06", "1/2/06", "2/1/06", "1/2/06 15:04", "2/1/06 15:04",
	"01-02-2006", "02-01-2006", "1-2-2006", "2-1-2006", "02-Jan-2006", "2-Jan-2006", "02-Jan-06", "2-Jan-06",
	"02.01.2006", "2.1.2006", "02.01.2006 15:04:05", "02.01.2006 15:04", "2.1.2006 15:04", "02.01.06",
	"Jan 2, 2006", "January 2, 2006", "2 Jan 2006", "02 Jan 2006", "2 January 2006", "Jan 2006", "January 2006",
	"Mon, 02 Jan 2006 15:04:05 -0700", "Mon, 02 Jan 2006 15:04:05 MST", "Mon Jan _2 15:04:05 2006",
	"15:04:05", "15:04", "3:04 PM", "03:04 PM", "2006-01",
}

// ambiguous are the layouts whose day and month can be confused.
var ambiguous = map[string]string{
	"01/02/2006": "02/01/2006", "1/2/2006": "2/1/2006", "01/02/06": "02/01/06", "1/2/06": "2/1/06",
	"01/02/2006 15:04:05": "02/01/2006 15:04:05", "1/2/2006 15:04:05": "2/1/2006 15:04:05",
	"01/02/2006 15:04": "02/01/2006 15:04", "1/2/2006 15:04": "2/1/2006 15:04", "1/2/06 15:04": "2/1/06 15:04",
	"01-02-2006": "02-01-2006", "1-2-2006": "2-1-2006",
}

// layoutsOf returns the indices of the layouts that a cell can be written in.
func layoutsOf(cell string) []int {
	if len(cell) < 4 || len(cell) > 40 || !strings.ContainsAny(cell, "0123456789") {
		return nil
	}
	var fit []int
	for k, l := range layouts {
		if _, ok := parseDate(cell, l); ok {
			fit = append(fit, k)
		}
	}
	return fit
}

// parseDate reads a date of a layout, in seconds since 1970. A date is taken
// only if it would be written the same, so that 1:5 is no time.
func parseDate(cell, layout string) (float64, bool) {
	t, err := time.Parse(layout, cell)
	if err != nil {
		return 0, false
	}
	var b [64]byte
	if string(t.AppendFormat(b[:0], layout)) != cell {
		return 0, false
	}
	return float64(t.Unix()) + float64(t.Nanosecond())/1e9, true
}

// firstSecond and lastSecond bound the years that Go writes with four digits: 0 to
// 9999. A time without a date is one of the first day.
const (
	firstSecond = -62167219200
	lastSecond  = 253402300799
	daySeconds  = 86400
)

// Clock reports whether a layout is that of a time of day, without a date.
func Clock(layout string) bool {
	a := time.Date(2001, 2, 3, 4, 5, 6, 7000, time.UTC)
	return validLayout(layout) && a.Format(layout) == a.AddDate(11, 9, 20).Format(layout)
}

// OfDay is the number of seconds since midnight of a value of a column of times.
func OfDay(v float64) float64 { return min(max(v-firstSecond, 0), daySeconds) }

// zoned reports whether a layout tells how far a time is from UTC.
func zoned(layout string) bool {
	return strings.Contains(layout, "Z07") || strings.Contains(layout, "-07")
}

// zoneOf is how many seconds a date that fits its layout is east of UTC.
func zoneOf(cell, layout string) int {
	t, err := time.Parse(layout, cell)
	if err != nil {
		return 0
	}
	_, east := t.Zone()
	return east
}

// appendDate writes seconds since 1970 in a zone so many seconds east of UTC.
func appendDate(dst []byte, v float64, layout string, east int) []byte {
	v = min(max(v, firstSecond), lastSecond)
	s := math.Floor(v)
	zone := time.UTC
	if east != 0 {
		zone = time.FixedZone("", east)
	}
	return time.Unix(int64(s), int64(math.Round((v-s)*1e9))).In(zone).AppendFormat(dst, layout)
}

// dateUnit is the step of a layout in seconds: of a date a day.
func dateUnit(layout string) float64 {
	at := func(h, m, s, ns int) string {
		return time.Date(2001, 2, 3, h, m, s, ns, time.UTC).Format(layout)
	}
	zero := at(0, 0, 0, 0)
	switch {
	case at(0, 0, 0, 1000) != zero:
		return 1e-6
	case at(0, 0, 0, 1000000) != zero:
		return 1e-3
	case at(0, 0, 1, 0) != zero:
		return 1
	case at(0, 1, 0, 0) != zero:
		return 60
	}
	return daySeconds
}

func validLayout(layout string) bool {
	a := time.Date(2001, 2, 3, 4, 5, 6, 0, time.UTC).Format(layout)
	b := time.Date(2012, 11, 24, 17, 38, 49, 0, time.UTC).Format(layout)
	return a != b
}
