namespace Coppice.Cli.Eval;

/// <summary>A sentence, and a question whose answer it holds. The sample model knows these forms; to others they are plain English.</summary>
internal sealed record Fact(string Sentence, string Question, string Answer)
{
    private static readonly string[] s_colors = Words("red blue green black white brown grey golden silver purple orange pink");
    private static readonly string[] s_cities = Words("Paris London Rome Vienna Madrid Lisbon Dublin Oslo Athens Warsaw Prague Cairo Tokyo Lima Quito Delhi Kyiv Geneva Boston Denver");
    private static readonly string[] s_jobs = Words("baker doctor farmer painter sailor singer soldier tailor teacher writer miner pilot cook judge nurse");

    private static readonly string[] s_names = Words("Ada Alan Amy Anna Ben Bella Bruno Carl Cora Dan Daisy Eli Ella Emma Felix Finn Flora Gina Hugo Ida Ivan Jack Jane Jonas Kate Karl Lena Leo Lily Lucy Luna "
        + "Mara Max Mia Milo Nina Noah Nora Olga Oscar Otto Paul Pia Rex Rosa Ruby Sam Sara Theo Tina Toby Uma Vera Viktor Willa Yuri Zara Zoe");

    /// <summary>What comes after the document.</summary>
    public string Asked => $"\n\nQuestion: {Question}\nAnswer:";

    public static Fact Code(Random random, string city)
    {
        string code = random.Next(1000).ToString("000", System.Globalization.CultureInfo.InvariantCulture);
        return new Fact($"The code for {city} is {code}.", $"What is the code for {city}?", code);
    }

    public static Fact Code(Random random) => Code(random, One(random, s_cities));

    /// <summary>There are so many codes.</summary>
    public static int MostCodes => s_cities.Length;

    /// <summary>Codes of different cities, at most <see cref="MostCodes"/>.</summary>
    public static List<Fact> Codes(Random random, int count)
    {
        string[] cities = [.. s_cities];
        random.Shuffle(cities);
        return [.. cities.Take(count).Select(city => Code(random, city))];
    }

    /// <summary>Facts about different things. Beyond some 200 people get a second name.</summary>
    public static List<Fact> Many(Random random, int count)
    {
        List<Func<Fact>> kinds = [.. s_cities.Select<string, Func<Fact>>(city => () => Code(random, city))];
        foreach (string name in s_names) kinds.AddRange(About(random, name));
        for (int second = 1; kinds.Count < count; second++)
            for (int i = 0; i < s_names.Length; i++) kinds.AddRange(About(random, $"{s_names[i]} {s_names[(i + second) % s_names.Length]}"));
        Func<Fact>[] all = [.. kinds];
        random.Shuffle(all);
        return [.. all.Take(count).Select(make => make())];
    }

    private static IEnumerable<Func<Fact>> About(Random random, string name) =>
    [
        () => Colored(name, One(random, s_colors)),
        () => Housed(name, One(random, s_cities)),
        () => Working(name, One(random, s_jobs)),
    ];

    private static Fact Colored(string name, string color) => new($"The dog named {name} has fur that is {color}.", $"What color is the fur of the dog named {name}?", color);

    private static Fact Housed(string name, string city) => new($"The house of {name} is in {city}.", $"Where is the house of {name}?", city);

    private static Fact Working(string name, string job) => new($"The work of {name} is that of a {job}.", $"What is the work of {name}?", job);

    private static string One(Random random, string[] words) => words[random.Next(words.Length)];

    private static string[] Words(string words) => words.Split(' ');
}
