/// Modules as F# programmers write them. They know TorchSharp and nothing of the library that traces them.
module FSharpModels

open TorchSharp
open type TorchSharp.torch
open type TorchSharp.torch.nn

/// Functions in a row.
type Pipeline() =
    inherit Module<Tensor, Tensor>("Pipeline")
    override _.forward(x: Tensor) = x |> functional.relu |> fun (y: Tensor) -> y.flatten(1L) |> fun z -> z * 2.0

/// A closure over a field and an argument.
type Closure() as this =
    inherit Module<Tensor, Tensor>("Closure")
    let fc = Linear(4L, 4L)
    let scale = 3.0
    do this.RegisterComponents()

    override _.forward(x: Tensor) =
        let apply (f: Tensor -> Tensor) y = f (f y)
        let shifted y = fc.call(y) + x * scale
        apply shifted x

/// A discriminated union of what to do.
type Activation =
    | Relu
    | Leaky of float
    | Chain of Activation list

type Matching(activation: Activation) =
    inherit Module<Tensor, Tensor>("Matching")

    let rec activate activation (x: Tensor) =
        match activation with
        | Relu -> x.relu()
        | Leaky slope -> functional.leaky_relu(x, slope)
        | Chain rest -> rest |> List.fold (fun y next -> activate next y) x

    override _.forward(x) = activate activation x

/// An option in the configuration, and one that the program makes.
type Optional(dim: int64 option) =
    inherit Module<Tensor, Tensor>("Optional")

    override _.forward(x) =
        let pooled =
            match dim with
            | Some d when d >= 0L -> Some(x.mean([| d |]))
            | Some _ -> None
            | None -> Some(x.sum())
        pooled |> Option.map (fun y -> y + 1.0) |> Option.defaultValue x

type Config = { Width: int64; Bias: bool; Factor: float }

type Branch = { Left: Tensor; Right: Tensor }

/// Records, copied and changed, with numbers and tensors in them.
type Records(config: Config) as this =
    inherit Module<Tensor, Tensor>("Records")
    let config = { config with Factor = config.Factor * 2.0 }
    let left = Linear(4L, config.Width, hasBias = config.Bias)
    let right = Linear(4L, config.Width)
    do this.RegisterComponents()

    override _.forward(x) =
        let both = { Left = left.call(x); Right = right.call(x) }
        let both = { both with Left = both.Left * config.Factor }
        both.Left + both.Right

/// for … in over a list of modules and a range, with a mutable local.
type Loops() as this =
    inherit Module<Tensor, Tensor>("Loops")
    let layers = ModuleList<Module<Tensor, Tensor>>([| for _ in 1 .. 2 -> Linear(4L, 4L) :> Module<Tensor, Tensor> |])
    do this.RegisterComponents()

    override _.forward(x) =
        let mutable y = x
        for layer in layers do
            y <- layer.call(y)
        for i in 1 .. 3 do
            y <- y + i
        let mutable i = 0
        while i < 2 do
            y <- y.relu()
            i <- i + 1
        y

/// Comprehensions: a list, an array and a sequence.
type Comprehensions() =
    inherit Module<Tensor, Tensor>("Comprehensions")

    override _.forward(x) =
        let parts = [ for i in 0 .. 2 -> x * i ]
        let powers = [| for p in parts do if not (obj.ReferenceEquals(p, x)) then yield p.square() |]
        let more = seq { for p in powers do yield p + 1.0; yield! [ x ] }
        torch.cat([| yield! more; yield x |], 1L)

/// Functions of functions over lists, arrays and sequences.
type HigherOrder() =
    inherit Module<Tensor, Tensor>("HigherOrder")

    override _.forward(x) =
        let heads = [ 1.0; 2.0; 3.0 ] |> List.map (fun s -> x * s)
        let total = heads |> List.toArray |> Array.fold (fun (sum: Tensor) y -> sum + y) x
        let pairs = List.zip heads (List.rev heads) |> List.map (fun (a, b) -> a * b)
        let last = pairs |> Seq.filter (fun p -> not (isNull p)) |> Seq.reduce (fun a b -> a - b)
        Array.init 2 (fun i -> total + i) |> Array.mapi (fun i y -> y * (i + 1)) |> Array.reduce (+) |> fun y -> y + last

/// Tuples, struct tuples and active patterns.
type Tuples() =
    inherit Module<Tensor, Tensor>("Tuples")

    static let (|Even|Odd|) i = if i % 2 = 0 then Even else Odd
    let split (x: Tensor) = x.relu(), x.sigmoid()
    let halves (x: Tensor) = struct (x / 2.0, x * 2.0)

    override _.forward(x) =
        let a, b = split x
        let struct (c, d) = halves a
        let pick i = match i with Even -> b | Odd -> c
        pick 0 + pick 1 + d

/// Sizes of the input, arithmetic on them, and patterns over the shape.
type Sizes() =
    inherit Module<Tensor, Tensor>("Sizes")

    override _.forward(x) =
        let n, c = x.shape.[0], x.size(1)
        let flat = x.reshape([| n * c |])
        flat.reshape(n, -1L) / Operators.float c

/// Composition, partial application, operators of its own, and recursion.
type Composition() as this =
    inherit Module<Tensor, Tensor>("Composition")
    let fc = Linear(4L, 4L)
    do this.RegisterComponents()

    let (=>) (f: Tensor -> Tensor) (g: Tensor -> Tensor) = f >> g
    let add (a: Tensor) (b: Tensor) = a + b

    let rec repeat n f x = if n = 0 then x else repeat (n - 1) f (f x)

    override _.forward(x) =
        let block = fc.call => functional.relu => add x
        repeat 2 block x

/// try/finally, use, and a guard that throws.
type Scoped() =
    inherit Module<Tensor, Tensor>("Scoped")

    override _.forward(x) =
        use scope = NewDisposeScope()
        if x.shape.[1] <> 4L then invalidArg "x" "four columns, please"
        try
            let y = x.relu()
            (y + 1.0).MoveToOuterDisposeScope()
        finally
            ignore scope

/// A map of heads by name, and printf beside the program.
type Named() as this =
    inherit Module<Tensor, Tensor>("Named")
    let heads = Map [ "a", 2.0; "b", 3.0 ]
    do this.RegisterComponents()

    override _.forward(x) =
        let mutable y = x
        for KeyValue(name, factor) in heads do
            y <- if name = "a" then y * factor else y + heads.[name]
        let factor = heads |> Map.tryFind "c" |> Option.defaultValue 0.5
        y * factor

/// Two inputs and a struct record.
[<Struct>]
type Pair = { First: Tensor; Second: Tensor }

type TwoInputs() =
    inherit Module<Tensor, Tensor, Tensor>("TwoInputs")

    override _.forward(x, mask) =
        let pair = { First = x; Second = mask }
        let combine { First = a; Second = b } = a * b
        combine pair

let inline private twice x = x + x

/// Inline functions, a cell that closures share, and lazy values.
type Captured() =
    inherit Module<Tensor, Tensor>("Captured")
    override _.forward(x: Tensor) =
        let sum = ref x
        [ 1.0; 2.0 ] |> List.iter (fun s -> sum.Value <- sum.Value + x * s)
        let rest = lazy (twice sum.Value)
        rest.Force()

/// An exception that the program catches.
type Catching() =
    inherit Module<Tensor, Tensor>("Catching")

    override _.forward(x: Tensor) =
        try
            if isNull (box x) then x else failwith "never mind"
        with Failure message -> x * Operators.float message.Length

/// A guard that fails with a message.
type Guarded() =
    inherit Module<Tensor, Tensor>("Guarded")

    override _.forward(x: Tensor) =
        if x.dim() <> 2L then failwith "two dimensions, please"
        x.relu()

/// Branches on a size.
type Deciding() =
    inherit Module<Tensor, Tensor>("Deciding")

    override _.forward(x: Tensor) =
        let larger =
            x.shape.[0] > 2L
        if larger then x.relu() else x

/// A loop over a size, and a pattern over the shape.
type Steps() =
    inherit Module<Tensor, Tensor>("Steps")

    override _.forward(x: Tensor) =
        let mutable sum = x.select(1L, 0L)
        for i in 1 .. Operators.int x.shape.[1] - 1 do
            sum <- sum * 0.5 + x.select(1L, Operators.int64 i)
        match x.shape with
        | [| rows; _ |] -> sum.reshape(rows, 1L)
        | _ -> sum

/// Parts of an input, counted by the example.
type Parts() =
    inherit Module<Tensor, Tensor>("Parts")

    override _.forward(x: Tensor) =
        x.unbind(1) |> Array.map (fun part -> part * 2.0) |> Array.rev |> torch.stack

/// Sizes computed from sizes.
type Mapped() =
    inherit Module<Tensor, Tensor>("Mapped")

    override _.forward(x: Tensor) =
        let sizes = x.shape |> Array.map (fun n -> n + 1L)
        x.sum() + ones(sizes)

/// printf and sprintf beside the program.
type Talking() =
    inherit Module<Tensor, Tensor>("Talking")

    override _.forward(x: Tensor) =
        let rows = 3
        let text = sprintf "%d rows" rows
        printfn "%s" text
        if text.Length = 6 then x.relu() else x

/// sprintf of a size.
type Telling() =
    inherit Module<Tensor, Tensor>("Telling")

    override _.forward(x: Tensor) =
        let text = sprintf "%d rows" x.shape.[0]
        if text.Length > 0 then x.relu() else x

/// A computation that may run elsewhere.
type Awaiting() =
    inherit Module<Tensor, Tensor>("Awaiting")

    override _.forward(x: Tensor) =
        async { return x.relu() } |> Async.RunSynchronously
