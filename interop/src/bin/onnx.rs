//! Trains networks for moments, writes them as graphs of ONNX to a folder, and beside them what this library says of some data sets:
//! see `read_by_onnxruntime.py`.

use std::path::Path;

use hierarch::distributions::{Draw, Normal, Poisson};
use hierarch::estimators::NetworkConfig;
use hierarch::model::{AsNumbers, Frame, GlobalSlot, Kind, Plate, Role, Values, constrain, global_slots};
use hierarch::prelude::*;
use hierarch::rand::RngExt;
use hierarch::sampling::Proposal;
use hierarch::simulate::{SimulateError, stream};
use serde_json::{Map, Value, json};

model! {
    /// One number of each event, far from zero.
    Peak {
        global mass ~ Normal(2459000.25, 2.0);
        global width ~ Uniform(0.5, 2.0);
        plate events(1..=3000) {
            observe x ~ Normal(mass, width);
        }
    }
}

model! {
    /// Rows of several numbers, numbers outside plates, heavy tails, large counts, gaps, and supports of every kind.
    Wide {
        global share[3] ~ Dirichlet([2.0, 3.0, 4.0]);
        global cuts[3] ~ Ordered(Normal(0.0, 1.0));
        global effect[4] ~ ZeroSumNormal(1.0);
        global centre ~ Cauchy(10.0, 3.0);
        global rate ~ LogNormal(20.0, 0.3);
        global below ~ Truncated(Normal(0.0, 1.0), f64::NEG_INFINITY, 1.0);
        global slopes[2] ~ Normal(0.0, 1.0);
        given offset: f64 ~ Normal(0.0, 1.0);
        observe first[2] ~ Normal(below, 0.5);
        plate rows(0..=60) {
            given x[2]: f64 ~ Normal(0.0, 1.0);
            given is_new: bool ~ Bernoulli(0.4);
            observe kind ~ Categorical(share);
            observe count ~ Poisson(rate);
            observe y: Option ~ Normal(slopes[0] * x[0] + slopes[1] * x[1] + offset + cuts[0], 1.0);
            observe far: Option ~ Cauchy(centre, if is_new { 1.0 } else { 2.0 });
            observe pair[2]: Option ~ Normal(effect[0] + cuts[2], 1.0);
        }
        plate votes(5..=5) {
            observe vote ~ Normal(effect[1], 0.3);
        }
    }
}

model! {
    /// Plates in plates, of any size and of one, in groups and without data of their own.
    Nested {
        global mu ~ Normal(0.0, 1.0);
        global tau ~ HalfNormal(1.0);
        plate states(1..=5) {
            local state ~ Normal(mu, 1.0);
            plate counties(0..=6) {
                given uranium: f64 ~ Normal(0.0, 1.0);
                local level ~ Normal(state + 0.5 * uranium, tau);
                plate houses(0..=8) {
                    given floor: bool ~ Bernoulli(0.5);
                    observe radon ~ Normal(level - if floor { 0.5 } else { 0.0 }, 0.5);
                }
                plate visits(3..=3) {
                    observe day ~ Normal(level, 1.0);
                    observe hour ~ Normal(0.0, tau);
                }
            }
        }
    }
}

model! {
    /// Elements that name elements of other plates, and elements in order.
    Crossed {
        global spread ~ Uniform(0.1, 2.0);
        global drift ~ Normal(0.0, 0.5);
        plate schools(1..=6) {
            given rich: f64 ~ Normal(0.0, 1.0);
            local climate ~ Normal(rich, 0.5);
        }
        plate students(1..=12) {
            given school: index(schools);
            local ability ~ Normal(climate[school], spread);
        }
        plate items(1..=9) {
            local hard ~ Normal(0.0, 1.0);
        }
        plate answers(1..=80) {
            given student: index(students);
            given item: index(items);
            observe right ~ Bernoulli(logit = ability[student] - hard[item]);
        }
        plate days(2..=30) {
            local h ~ Normal(drift + 0.9 * prev(h, 1, 0.0), 0.3);
            observe seen ~ Normal(h, 0.1);
        }
    }
}

fn photograph(width: f64, rng: &mut Stream) -> [[f32; 9]; 12] {
    let mut pixels = [[0.0; 9]; 12];
    for (y, line) in pixels.iter_mut().enumerate() {
        for (x, pixel) in line.iter_mut().enumerate() {
            let square = (x as f64 - 4.0).powi(2) + (y as f64 - 5.0).powi(2);
            *pixel = Poisson::new(0.5 + 40.0 * (-0.5 * square / (width * width)).exp()).draw(rng) as f32;
        }
    }
    pixels
}

model! {
    /// Images in a plate and outside.
    Spots {
        global width ~ Uniform(1.0, 3.0);
        observe outside: [[f32; 9]; 12] ~ photograph(width);
        plate spots(1..=4) {
            given depth: f64 ~ Normal(0.0, 1.0);
            observe image: [[f32; 9]; 12] ~ photograph(width);
        }
    }
}

model! {
    /// Matrices, and a global whose bounds no graph has.
    Matrices {
        global correlation[3][3] ~ LkjCholesky(2.0);
        global covariance[2][2] ~ InverseWishart(7.0, diag([1.0, 2.0]));
        global factor[2][2] ~ WishartCholesky(9.0, diag([0.4; 2]));
        global steps[2][3] ~ Dirichlet([1.0; 3]);
        global top ~ Uniform(1.0, 2.0);
        nuisance part ~ Uniform(0.0, top);
        plate rows(1..=20) {
            observe a ~ Normal(correlation[1][0] + correlation[2][1], covariance[0][0]);
            observe b ~ Normal(factor[1][0] + steps[1][2] + part, factor[1][1] + covariance[1][1]);
            observe c ~ Normal(0.0, top);
        }
    }
}

/// How many draws are compared, and at how many of them densities are.
const DRAWS: usize = 400;

/// The numbers of a column in row-major order, and the shape that they have with `size` rows.
fn tensor(of: &str, shape: &[usize], values: Vec<f64>) -> Value {
    let values: Vec<Value> = values.into_iter().map(|x| if x.is_nan() { Value::Null } else { json!(x) }).collect();
    json!({ "type": of, "shape": shape, "values": values })
}

/// Adds what the inputs of a plate are to be; `group` is the name of the plate around it.
fn add_plate(plate: &Plate, frame: &Frame<'_>, outer: Option<&str>, to: &mut Map<String, Value>) {
    if let (Some(outer), Some(offsets)) = (outer, &frame.offsets) {
        let groups = offsets.windows(2).enumerate().flat_map(|(at, pair)| (pair[0]..pair[1]).map(move |_| at as f64));
        to.insert(format!("{}.{outer}", plate.name), tensor("int64", &[frame.size], groups.collect()));
    }
    let mut table: Vec<Vec<f64>> = vec![Vec::new(); frame.size];
    for column in &frame.columns {
        let Some(variable) = plate.variables.iter().find(|v| v.name == column.name) else { continue };
        let all = || (0..column.values.len()).map(|i| column.get(i)).collect::<Vec<f64>>();
        match (&column.values, variable.role) {
            (_, Role::Index) => {
                to.insert(format!("{}.{}", plate.name, variable.name), tensor("int64", &[frame.size], all()));
            }
            (Values::Pixels(_), _) => {
                let shape = [&[frame.size], &variable.shape[..]].concat();
                to.insert(format!("{}.{}", plate.name, variable.name), tensor("float32", &shape, all()));
            }
            _ => all().chunks(column.width).zip(&mut table).for_each(|(own, row)| row.extend(own)),
        }
    }
    let is_number = |role, values: &Values<'_>| role != Role::Index && !matches!(values, Values::Pixels(_));
    let role = |name: &str| plate.variables.iter().find(|v| v.name == name).map_or(Role::Index, |v| v.role);
    let width = frame.columns.iter().filter(|c| is_number(role(c.name), &c.values)).map(|c| c.width).sum();
    to.insert(plate.name.clone(), tensor("float64", &[frame.size, width], table.concat()));
    for inner in &frame.plates {
        let declared = plate.plates.iter().find(|p| p.name == inner.name);
        declared.iter().for_each(|declared| add_plate(declared, inner, Some(&plate.name), to));
    }
}

/// Returns what the inputs of a data set are to be. Those of a graph are among them.
fn inputs<M: Model>(model: &M, data: &M::Data) -> Map<String, Value> {
    let (specification, frame, mut to) = (model.specification(), data.frame(), Map::new());
    for column in &frame.columns {
        let Some(variable) = specification.variables.iter().find(|v| v.name == column.name) else { continue };
        let of = if variable.kind == Kind::Pixels { "float32" } else { "float64" };
        let values = (0..column.values.len()).map(|i| column.get(i)).collect();
        to.insert(variable.name.clone(), tensor(of, &variable.shape, values));
    }
    for plate in &frame.plates {
        let declared = specification.plates.iter().find(|p| p.name == plate.name);
        declared.iter().for_each(|declared| add_plate(declared, plate, None, &mut to));
    }
    to
}

/// Writes the graph, and what an estimator of `networks` networks says of each of `sets`; `are_flows` tells whether these are flows.
fn write<M: Model>(
    (folder, name): (&Path, &str),
    estimator: &PosteriorEstimator<M>,
    sets: &[M::Data],
    (networks, are_flows): (usize, bool),
) -> Result<(), Box<dyn std::error::Error>> {
    let model = estimator.model();
    estimator.export_onnx(folder.join(format!("{name}.onnx")))?;
    let inferred: Vec<GlobalSlot> = global_slots(model).into_iter().filter(|slot| !slot.nuisance).collect();
    let dims: usize = inferred.iter().map(|slot| slot.free.len()).sum();
    let width = global_slots(model).last().map_or(0, |slot| slot.free.end);
    let unit = Normal::new(0.0, 1.0);
    let mut said = Vec::new();
    for data in sets {
        let posterior = estimator.condition(data)?;
        // Those that are inferred are the first of all.
        let mut q = vec![0.0; DRAWS * dims];
        let mut rng = stream(7, 0);
        Proposal::draw(&posterior, &mut rng.clone(), &mut q, &mut [0.0; DRAWS]);
        // The numbers that the library has made these draws from, in its order.
        let (mut uniform, mut normal) = (vec![0.0; DRAWS], vec![0.0; DRAWS * dims]);
        let mut member = || if networks > 1 { rng.random_range(0..networks) } else { 0 };
        let members: Vec<usize> = (0..DRAWS).map(|_| member()).collect();
        for member in 0..networks {
            for draw in (0..DRAWS).filter(|draw| members[*draw] == member) {
                let within = if are_flows { 0.5 } else { rng.random::<f64>() };
                uniform[draw] = (member as f64 + within) / networks as f64;
                normal[draw * dims..(draw + 1) * dims].fill_with(|| unit.draw(&mut rng));
            }
        }
        let all = |q: &[f64]| {
            let mut values = Vec::new();
            constrain(model, None, &[q, &vec![f64::NAN; width - dims]].concat(), &mut values);
            values
        };
        let all: Vec<Vec<f64>> = q.chunks_exact(dims).map(all).collect();
        let log_density: Vec<f64> =
            all.iter().map(|values| posterior.log_density(&M::Globals::from_numbers(values))).collect();
        let draws: Vec<&[f64]> = all.iter().map(|values| &values[..inferred[inferred.len() - 1].values.end]).collect();
        let sd = posterior.summary().rows.iter().map(|row| row.sd).collect::<Vec<f64>>();
        said.push(json!({
            "inputs": inputs(model, data), "normal": tensor("float64", &[DRAWS, dims], normal), "uniform": uniform,
            "draws": draws, "log_density": log_density, "sd": sd, "globals": posterior.names(),
        }));
    }
    std::fs::write(folder.join(format!("{name}.json")), serde_json::to_vec(&said)?)?;
    Ok(())
}

/// Simulates data sets of a model.
fn simulate<M: Generative + Simulable>(model: &M, count: usize) -> Result<Vec<M::Data>, SimulateError> {
    Ok(model.simulate(count).seed(3).run()?.into_iter().map(|simulation| simulation.data).collect())
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let folder = std::env::args().nth(1).ok_or("name a folder to write to")?;
    let folder = Path::new(&folder);
    let budget = Budget::simulations(2_000);
    let family = |family| NetworkConfig { family: Some(family), ..Default::default() };

    let model = Peak::default();
    let of_size = |size| Ok(model.simulate(1).size(Peak::EVENTS, size).seed(3).one()?.data);
    let sets: Vec<PeakData> = [1, 20, 3000].into_iter().map(of_size).collect::<Result<_, SimulateError>>()?;
    write((folder, "peak"), &model.npe().train(budget)?, &sets, (1, false))?;
    write((folder, "ensemble"), &model.npe().ensemble(2).train(budget)?, &sets, (2, false))?;
    write((folder, "spline"), &model.npe().network(family(Family::nsf())).train(budget)?, &sets, (1, true))?;
    write((folder, "affine"), &model.npe().network(family(Family::maf())).train(budget)?, &sets, (1, true))?;
    let bank = model.simulate(3_000).bank(folder.join("bank"))?;
    write((folder, "flat"), &model.npe().bank(&bank).ensemble(2).train(budget)?, &sets, (2, true))?;

    let model = Wide::default();
    write((folder, "wide"), &model.npe().missing(0.2).train(budget)?, &simulate(&model, 4)?, (1, false))?;
    let model = Nested::default();
    write((folder, "nested"), &model.npe().train(budget)?, &simulate(&model, 4)?, (1, false))?;
    let model = Crossed::default();
    write((folder, "crossed"), &model.npe().train(budget)?, &simulate(&model, 4)?, (1, false))?;
    let model = Matrices::default();
    let sets = simulate(&model, 2)?;
    write((folder, "matrices"), &model.npe().train(budget)?, &sets, (1, false))?;
    for (name, encoder) in [
        ("attention", Encoder::Attention { width: 16, heads: 2, blocks: 2, inducing: 4 }),
        ("causal", Encoder::Causal { width: 16, heads: 2, blocks: 2 }),
    ] {
        let network = NetworkConfig { encoder, ..Default::default() };
        write((folder, name), &model.npe().network(network).train(budget)?, &sets, (1, false))?;
    }
    let estimator = model.npe().globals([Matrices::TOP, Matrices::PART]).train(budget)?;
    let error = estimator.export_onnx(folder.join("none.onnx")).unwrap_err().to_string();
    assert!(error.starts_with("`part`, whose bounds depend on another global, is not exported to ONNX: "), "{error}");
    let model = Spots::default();
    write((folder, "spots"), &model.npe().train(budget)?, &simulate(&model, 3)?, (1, false))?;
    Ok(())
}
