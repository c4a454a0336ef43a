package where_test

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"laminar/data/table"
	"laminar/data/table/where"
	"laminar/flow"
)

var nan = math.NaN()

func schema() *table.Schema {
	return &table.Schema{Version: 1, Columns: []table.Column{
		{Name: "age", Kind: table.Integer},
		{Name: "hours-per-week", Kind: table.Numeric},
		{Name: "income", Kind: table.Category, Levels: []string{"<=50K", ">50K"}},
		{Name: "grade", Kind: table.Ordered, Levels: []string{"low", "middle", "high"}},
		{Name: "rooms", Kind: table.Ordered, Levels: []string{"1", "2", "10"}},
		{Name: "born", Kind: table.Date, Layout: "2006-01-02"},
		{Name: "id", Kind: table.Identifier},
		{Name: "it's \"odd\"", Kind: table.Boolean, Levels: []string{"no", "yes"}},
		{Name: "town", Kind: table.Category, Levels: []string{"Paris", "Berlin", "London", "Rome", "Madrid", "Lisbon", "Oslo"}},
	}}
}

func bind(t *testing.T, text string) (*where.Condition, error) {
	t.Helper()
	e, err := where.Parse(text)
	if err != nil {
		return nil, err
	}
	return e.Bind(schema())
}

func TestHolds(t *testing.T) {
	day := 86400.0
	row := []float64{61, 40.5, 1, 1, 2, 10957 * day, nan, 0, 1} // born 2000-01-01
	gaps := []float64{nan, nan, nan, nan, nan, nan, nan, nan, nan}
	for text, want := range map[string][2]bool{
		"age > 60":                                       {true, false},
		"NOT age > 60":                                   {false, false},
		"age>61":                                         {false, false},
		"age = 61.0":                                     {true, false},
		"age == 61 and not (age != 61)":                  {true, false},
		"age <> 61":                                      {false, false},
		"income = '>50K' AND age > 60":                   {true, false},
		"income = '<=50K' OR age <= 61":                  {true, false},
		"income in ('a', '>50K')":                        {},
		"income IN ('<=50K', '>50K')":                    {true, false},
		"income NOT IN ('<=50K')":                        {true, false},
		"grade < high":                                   {true, false},
		"grade >= 'middle'":                              {true, false},
		"grade between middle and high":                  {true, false},
		"rooms > 2":                                      {true, false}, // 10, though its text sorts before
		"rooms = 10":                                     {true, false},
		"rooms < 5.5":                                    {false, false},
		"rooms = '10'":                                   {true, false},
		"born < '2000-01-02'":                            {true, false},
		"born between 2000-01-01 and 2000-01-01":         {true, false},
		"age IS NULL":                                    {false, true},
		"age IS NOT NULL":                                {true, false},
		"not age is null":                                {true, false},
		"age > 60 OR age IS NULL":                        {true, true},
		"NOT (age > 60 AND income = '<=50K')":            {true, false},
		"[hours-per-week] >= 40.5":                       {true, false},
		"hours-per-week < 41":                            {true, false},
		"`hours-per-week` < -41":                         {false, false},
		`"it's ""odd""" = no`:                            {true, false},
		"age = 1 or age = 2 and age = 61 or age = 61":    {true, false},
		"(age = 61 or age = 2) and age = 2":              {false, false},
		"town = berlin":                                  {true, false},
		"age NOT BETWEEN 10 AND 60":                      {true, false},
		"not not age > 60":                               {true, false},
		"age >= 6.1e1":                                   {true, false},
		"income = \">50K\"":                              {true, false},
		"income = '>50K' and (age is null or age >= 61)": {true, false},
	} {
		c, err := bind(t, text)
		if strings.Contains(text, "'a'") {
			if err == nil {
				t.Errorf("%s: a level that is none was taken", text)
			}
			continue
		}
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		if got := [2]bool{c.Holds(row), c.Holds(gaps)}; got != want {
			t.Errorf("%s holds for a row and for gaps: %v, want %v", text, got, want)
		}
	}
}

func TestColumns(t *testing.T) {
	c, err := bind(t, "income = '>50K' and (age > 1 or age < 0) and not grade is null")
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(c.Columns, []int{0, 2, 3}) {
		t.Errorf("columns %v", c.Columns)
	}
	e, err := where.Parse("b = 1 and a = 2 and b = 3")
	if err != nil {
		t.Fatal(err)
	}
	if got := e.Columns(); !slices.Equal(got, []string{"b", "a"}) {
		t.Errorf("names %v", got)
	}
}

func TestFaults(t *testing.T) {
	for text, want := range map[string]string{
		"":                               "at position 1: the end where a column's name",
		"age":                            `at position 4: the end where a comparison should follow "age"`,
		"age >":                          "at position 6: the end where a value",
		"age > 1 extra":                  `at position 9: "extra" where the condition could end`,
		"(age > 1":                       "at position 9: the end where the parenthesis of position 1",
		"age > 1)":                       `at position 8: ")"`,
		"age = 'x":                       "at position 7: the quote ' is not closed",
		"age ~ 3":                        `at position 5: "~" is no part`,
		"age between 1":                  "at position 14: the end where BETWEEN needs AND",
		"age between 2 and 1":            "at position 13: BETWEEN begins above",
		"age in 3":                       `at position 8: "3" where IN needs a list`,
		"age in (1 2)":                   `at position 11: "2" where the list`,
		"age is 3":                       `at position 8: "3" where IS`,
		"age not 3":                      `at position 9: "3" where NOT`,
		"age = null":                     "at position 7: nothing equals NULL",
		"and = 1":                        `at position 1: "and" where a column's name`,
		"aeg > 1":                        `at position 1: no column is called "aeg"; the nearest of 9 are "age"`,
		"income > '>50K'":                `at position 1: "income" is a category, which has no order`,
		"income = '>5OK'":                `at position 10: "income" has no level ">5OK"; levels are "<=50K", ">50K"`,
		"town = Londn":                   `at position 8: "town" has no level "Londn"; the nearest of its 7 levels are "London"`,
		"age > x":                        `at position 7: "x" of the column "age" is not a number`,
		"born > 2000":                    "is not a date written like 2006-01-02",
		"id = 4":                         "is an identifier",
		"rooms > low":                    `"low" is not a number, as the levels of "rooms" are`,
		strings.Repeat("(", 300) + "age": "nested deeper",
	} {
		_, err := bind(t, text)
		var f *flow.FieldError
		if !errors.As(err, &f) || f.Path != "where" || !strings.Contains(f.Msg, want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%.40s: %v, want %s", text, err, want)
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, s := range []string{"age > 60 and income = '>50K'", "not (a in (1,'b') or c is null)", "\"a\"\"b\" between -1 and 2e3", "((", "'", "a=\x00"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		e, err := where.Parse(s)
		if err != nil {
			if strings.Contains(err.Error(), "\n") && !strings.Contains(s, "\n") {
				t.Errorf("%q: %v", s, err)
			}
			return
		}
		if len(e.Columns()) == 0 {
			t.Errorf("%q has no column", s)
		}
		if c, err := e.Bind(schema()); err == nil {
			c.Holds(make([]float64, 9))
		}
	})
}

func Example() {
	s := &table.Schema{Columns: []table.Column{{Name: "age", Kind: table.Integer}, {Name: "income", Kind: table.Category, Levels: []string{"low", "high"}}}}
	e, err := where.Parse("age > 60 AND income = 'high'")
	if err != nil {
		panic(err)
	}
	c, err := e.Bind(s)
	if err != nil {
		panic(err)
	}
	fmt.Println(c.Holds([]float64{61, 1}), c.Holds([]float64{61, 0}))
	_, err = where.Parse("age > ")
	fmt.Println(err)
	// Output:
	// true false
	// where: at position 7: the end where a value should follow >
}
