package data

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"laminar/flow"
	"laminar/rng"
	"laminar/tensor"
)

// Table is numbers with names: what readers return and writers take. The
// numbers are float64, as in the file; Dataset takes them to float32.
type Table struct {
	// Name is what messages call it, usually the file's name.
	Name string
	// Columns names the columns of X.
	Columns []string
	X       tensor.Matrix[float64]
	// Label names the column of classes, "" for none. Class is then the class
	// id of each row, flow.NoClass where the cell was empty, and Classes the
	// text of each id.
	Label   string
	Class   []int32
	Classes []string
	// Conditions names the columns of Real, the real-valued conditions.
	Conditions []string
	Real       tensor.Matrix[float64]
	// Notes are remarks for the user, one line each, such as constant columns.
	Notes []string
}

// Options says what the columns of a file are. The zero value takes every
// column as a coordinate of the points.
type Options struct {
	// Label is the column of classes: its name or, if no column has that name,
	// its number counted from 1. Its cells may hold any text.
	Label string
	// DropLabel leaves the Label column out altogether.
	DropLabel bool
	// Conditions are the columns, named likewise, that become real-valued
	// conditions.
	Conditions []string
	// Only, if not empty, names the columns of the points, in the order of the
	// file; columns without a role are left out, and may hold any text.
	Only []string
	// Array names the array of an NPZ archive that holds the points; empty
	// means the only one, or the one called x, data or arr_0.
	Array string
	// MaxBytes bounds the memory that the numbers may take; 0 means
	// DefaultMaxBytes.
	MaxBytes int64
	// Least is the smallest number of rows that is enough; 0 means 2, which
	// training needs.
	Least int
}

// least is the number that Least means.
func (o Options) least() int {
	if o.Least == 0 {
		return 2
	}
	return o.Least
}

// DefaultMaxBytes is the memory that a table's numbers may take unless Options
// says otherwise: 4 GiB.
const DefaultMaxBytes = 4 << 30

// MaxClasses is the largest number of distinct values of a label column.
const MaxClasses = 10000

// Dataset returns t's rows as a data set, taken to float32 by points and the
// real conditions by conditions; nil means Identity. Class ids are a condition
// if t has a Label. The error wraps flow.ErrFormat when a value does not fit.
func (t *Table) Dataset(points, conditions Transform) (*Stored, error) {
	return t.dataset(points, conditions, len(t.Classes))
}

// unlabelled is Dataset without class ids, which WithClasses then adds.
func (t *Table) unlabelled(points, conditions Transform) (*Stored, error) {
	return t.dataset(points, conditions, 0)
}

func (t *Table) dataset(points, conditions Transform, classes int) (*Stored, error) {
	x, err := t.forward(points, t.X)
	if err != nil {
		return nil, err
	}
	real, err := t.forward(conditions, t.Real)
	if err != nil {
		return nil, err
	}
	cond := flow.Cond{Class: t.Class, Real: real}
	s, err := NewStored(x, cond, flow.CondSpec{Classes: classes, Real: real.D}, t.Classes)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", t.Name, err)
	}
	return s, nil
}

func (t *Table) forward(f Transform, x tensor.Matrix[float64]) (tensor.Mat, error) {
	if f == nil {
		f = Identity{}
	}
	z := tensor.New(x.N, x.D)
	if x.IsEmpty() {
		return z, nil
	}
	if err := f.Forward(z, x); err != nil {
		return z, fmt.Errorf("%s: %w", t.Name, err)
	}
	return z, nil
}

// Select returns a table of the given rows, in that order, as a copy; notes are
// left behind.
func (t *Table) Select(rows []int) *Table {
	u := *t
	u.Notes = nil
	u.X = tensor.NewOf[float64](len(rows), t.X.D)
	u.Real = tensor.NewOf[float64](len(rows), t.Real.D)
	u.Class = nil
	for i, r := range rows {
		copy(u.X.Row(i), t.X.Row(r))
		if t.Real.D > 0 {
			copy(u.Real.Row(i), t.Real.Row(r))
		}
		if len(t.Class) > 0 {
			u.Class = append(u.Class, t.Class[r])
		}
	}
	return &u
}

// Split parts the rows by chance into those to train on and a share heldOut, in
// (0, 1), to judge by, so that a transform can be fitted to the first alone. The
// error wraps flow.ErrConfig when either would be empty.
func (t *Table) Split(heldOut float64, key rng.Key) (train, held *Table, err error) {
	a, b, err := SplitRows(t.X.N, heldOut, key)
	if err != nil {
		return nil, nil, fmt.Errorf("%s: %w", t.Name, err)
	}
	return t.Select(a), t.Select(b), nil
}

// What a column of a file becomes.
const (
	asPoint = iota
	asLabel
	asCondition
	asNothing
)

// builder assembles a Table row by row.
type builder struct {
	t      *Table
	role   []int
	names  []string
	limit  int64
	least  int            // rows that are enough
	labels []string       // of the label column, in order of appearance
	id     map[string]int // of a label
	class  []int32
	x      []float64
	real   []float64
}

// newBuilder assigns the file's columns to their roles.
func newBuilder(name string, columns []string, o Options) (*builder, error) {
	b := &builder{t: &Table{Name: name}, names: columns, role: make([]int, len(columns)), limit: o.maxBytes(), least: o.least(), id: map[string]int{}}
	take := func(want string, role int) (int, error) {
		j, err := column(name, columns, want)
		if err == nil && b.role[j] != asPoint {
			err = fmt.Errorf("%w: %s: column %q is asked for twice", flow.ErrConfig, name, columns[j])
		}
		if err == nil {
			b.role[j] = role
		}
		return j, err
	}
	if o.DropLabel && o.Label == "" {
		return nil, fmt.Errorf("%w: %s: there is no label to drop; name its column", flow.ErrConfig, name)
	}
	if o.Label != "" {
		role := asLabel
		if o.DropLabel {
			role = asNothing
		}
		j, err := take(o.Label, role)
		if err != nil {
			return nil, err
		}
		if !o.DropLabel {
			b.t.Label = columns[j]
		}
	}
	real := make([]int, 0, len(o.Conditions))
	for _, want := range o.Conditions {
		j, err := take(want, asCondition)
		if err != nil {
			return nil, err
		}
		real = append(real, j)
	}
	slices.Sort(real) // the order of the file, which is that of the cells
	for _, j := range real {
		b.t.Conditions = append(b.t.Conditions, columns[j])
	}
	if len(o.Only) > 0 {
		if err := b.only(o.Only); err != nil {
			return nil, err
		}
	}
	for j, r := range b.role {
		if r == asPoint {
			b.t.Columns = append(b.t.Columns, columns[j])
		}
	}
	if len(b.t.Columns) == 0 {
		return nil, fmt.Errorf("%w: %s: no column is left for the points", flow.ErrConfig, name)
	}
	return b, nil
}

// only leaves out the columns of points that are not among the wanted ones.
func (b *builder) only(want []string) error {
	keep := make([]bool, len(b.names))
	for _, w := range want {
		j, err := column(b.t.Name, b.names, w)
		if err == nil && (keep[j] || b.role[j] != asPoint) {
			err = fmt.Errorf("%w: %s: column %q is asked for twice", flow.ErrConfig, b.t.Name, b.names[j])
		}
		if err != nil {
			return err
		}
		keep[j] = true
	}
	for j, r := range b.role {
		if r == asPoint && !keep[j] {
			b.role[j] = asNothing
		}
	}
	return nil
}

// column finds a column by name, else by number counted from 1.
func column(name string, columns []string, want string) (int, error) {
	at := slices.Index(columns, want)
	if at >= 0 {
		if slices.Contains(columns[at+1:], want) {
			return 0, fmt.Errorf("%w: %s: more than one column is called %q; give its number instead", flow.ErrConfig, name, want)
		}
		return at, nil
	}
	if k, err := strconv.Atoi(want); err == nil && k >= 1 && k <= len(columns) {
		return k - 1, nil
	}
	list := columns
	more := ""
	if len(list) > 20 {
		list, more = list[:20], fmt.Sprintf(" and %d more", len(columns)-20)
	}
	return 0, fmt.Errorf("%w: %s: no column is called %q; the columns are %s%s", flow.ErrConfig, name, want, strings.Join(list, ", "), more)
}

// room reports whether another row fits the limit.
func (b *builder) room() bool {
	return int64(len(b.x)+len(b.real)+len(b.t.Columns)+len(b.t.Conditions))*8 <= b.limit
}

// errTooLarge says that the limit is reached at a place in the file.
func (b *builder) errTooLarge(place string) error {
	return fmt.Errorf("%w: %s: %s: the numbers so far take %s of memory, the limit; thin the file out, or raise the limit", flow.ErrFormat, b.t.Name, place, bytesText(b.limit))
}

func (b *builder) number(role int, v float64) {
	if role == asPoint {
		b.x = append(b.x, v)
	} else {
		b.real = append(b.real, v)
	}
}

// label adds a row's label; empty means unknown.
func (b *builder) label(text string) error {
	if text == "" {
		b.class = append(b.class, flow.NoClass)
		return nil
	}
	k, ok := b.id[text]
	if !ok {
		if k = len(b.labels); k == MaxClasses {
			return fmt.Errorf("%w: %s: label column %q has more than %d distinct values; a column of numbers is better a condition", flow.ErrFormat, b.t.Name, b.t.Label, MaxClasses)
		}
		text = strings.Clone(text) // not to hold on to a whole line
		b.id[text] = k
		b.labels = append(b.labels, text)
	}
	b.class = append(b.class, int32(k))
	return nil
}

// finish checks the whole and returns the table.
func (b *builder) finish() (*Table, error) {
	t := b.t
	d := len(t.Columns)
	n := len(b.x) / d
	if n < b.least {
		rows := "no rows of data"
		if n == 1 {
			rows = "1 row of data"
		}
		return nil, fmt.Errorf("%w: %s: %s; at least %d needed", flow.ErrFormat, t.Name, rows, b.least)
	}
	t.X = tensor.Matrix[float64]{N: n, D: d, Data: b.x}
	if len(t.Conditions) > 0 {
		t.Real = tensor.Matrix[float64]{N: n, D: len(t.Conditions), Data: b.real}
	}
	if t.Label != "" {
		if len(b.labels) == 0 {
			return nil, fmt.Errorf("%w: %s: label column %q is empty", flow.ErrFormat, t.Name, t.Label)
		}
		b.sortClasses()
	}
	t.noteConstant()
	return t, nil
}

// sortClasses numbers the classes in the order of their names, numbers first
// and by value.
func (b *builder) sortClasses() {
	t := b.t
	t.Classes = slices.Clone(b.labels)
	slices.SortFunc(t.Classes, func(a, b string) int {
		x, errX := strconv.ParseFloat(a, 64)
		y, errY := strconv.ParseFloat(b, 64)
		switch {
		case errX == nil && errY == nil && x < y, errX == nil && errY != nil:
			return -1
		case errX == nil && errY == nil && x > y, errX != nil && errY == nil:
			return 1
		}
		return strings.Compare(a, b)
	})
	rank := make([]int32, len(b.labels))
	for k, name := range t.Classes {
		rank[b.id[name]] = int32(k)
	}
	unknown := 0
	for i, k := range b.class {
		if k == flow.NoClass {
			unknown++
			continue
		}
		b.class[i] = rank[k]
	}
	t.Class = b.class
	if unknown > 0 {
		t.Notes = append(t.Notes, fmt.Sprintf("%d rows have no label and train the unconditional flow only", unknown))
	}
}

func (t *Table) noteConstant() {
	var names []string
	for j, name := range t.Columns {
		same := true
		for i := 1; i < t.X.N && same; i++ {
			same = t.X.At(i, j) == t.X.At(0, j)
		}
		if same {
			names = append(names, name)
		}
	}
	switch k := len(names); {
	case k == 1:
		t.Notes = append(t.Notes, fmt.Sprintf("column %q is constant; samples will hold the same value", names[0]))
	case k > 5:
		t.Notes = append(t.Notes, fmt.Sprintf("%d columns are constant (%s, ...); samples will hold the same values", k, strings.Join(names[:5], ", ")))
	case k > 1:
		t.Notes = append(t.Notes, fmt.Sprintf("%d columns are constant (%s); samples will hold the same values", k, strings.Join(names, ", ")))
	}
}

// numbered returns the names x1 to xd of columns that have none.
func numbered(d int) []string {
	names := make([]string, d)
	for j := range names {
		names[j] = "x" + strconv.Itoa(j+1)
	}
	return names
}

// fault says why a number cannot be a coordinate, or "" if it can.
func fault(v float64) string {
	switch {
	case math.IsNaN(v):
		return "NaN; missing values are not supported by points yet: fill the cell or remove the row"
	case math.IsInf(v, 0):
		return "infinite; every value must be a finite number"
	}
	return ""
}

func bytesText(n int64) string {
	switch {
	case n >= 1<<30:
		return fmt.Sprintf("%.3g GiB", float64(n)/(1<<30))
	case n >= 1<<20:
		return fmt.Sprintf("%.3g MiB", float64(n)/(1<<20))
	}
	return fmt.Sprintf("%d bytes", n)
}

// maxBytes is the limit that o sets.
func (o Options) maxBytes() int64 {
	if o.MaxBytes == 0 {
		return DefaultMaxBytes
	}
	return o.MaxBytes
}
