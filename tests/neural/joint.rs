//! Joint posteriors of globals and locals: hierarchies of every shape, saved and loaded, and what they refuse.

use hierarch::prelude::*;
use hierarch_tests::models::{Deep, ItemResponse, Radon, Resonance, Sessions};
use hierarch_tests::seed;

/// Every shape of a hierarchy: discrete locals above nested plates, crossed plates, saved and loaded, stopped and resumed.
#[test]
fn hierarchies_of_every_shape_are_inferred_saved_and_loaded() {
    fn check<M: Generative>(model: &M, sizes: &[(&str, usize)]) {
        let folder = tempfile::tempdir().unwrap();
        let npe = || {
            let small = TrainingConfig { pilot: Some(256), validation: Some(256), ..Default::default() };
            let npe = model.joint_npe().seed(seed(1)).global_training(small.clone()).local_training(small);
            sizes.iter().fold(npe, |npe, (plate, n)| npe.size(plate, *n))
        };
        let joint = npe().checkpoints(folder.path().join("training")).train(Budget::simulations(1024)).unwrap();
        let resumed = npe().checkpoints(folder.path().join("training")).train(Budget::simulations(1024)).unwrap();
        joint.save(folder.path().join("saved")).unwrap();
        let loaded = JointEstimator::load(model, folder.path().join("saved")).unwrap();
        let sets = sizes.iter().fold(model.simulate(3).seed(seed(4)), |all, (plate, n)| all.size(plate, *n));
        for (i, set) in sets.run().unwrap().iter().enumerate() {
            let posterior = joint.condition(&set.data).unwrap();
            let (names, columns) = (posterior.names(), posterior.sample(20, i as u64));
            assert_eq!(names.len(), columns.len());
            assert!(columns.iter().flatten().all(|x| x.is_finite()));
            for other in [&resumed, &loaded] {
                assert_eq!(other.condition(&set.data).unwrap().sample(20, i as u64), columns);
            }
            for draw in posterior.draws(5, 1).unwrap() {
                assert!(posterior.log_density(&draw.globals, &draw.locals).unwrap().is_finite());
            }
        }
        assert!(JointEstimator::load(&Resonance { width: 0.7 }, folder.path().join("saved")).is_err());
    }
    check(&Radon::default(), &[("counties", 4)]);
    check(&Sessions::default(), &[("people", 3)]);
    check(&ItemResponse::default(), &[("subjects", 5), ("items", 3), ("answers", 20)]);
    check(&Deep::default(), &[]);
}

model! {
    /// Locals in plates below a discrete local; a random size that locals depend on.
    pub Towers {
        global share ~ Uniform(0.0, 1.0);
        plate towers(2..=5) {
            local tall ~ Bernoulli(share);
            let height = if tall { 3.0 } else { -3.0 };
            plate floors(1..=4) {
                local level ~ Normal(height, 0.5);
                observe y ~ Normal(level, 4.0);
            }
        }
        plate jets(n ~ Poisson(4.0)) {
            local energy ~ Exponential(n);
            observe seen ~ Normal(energy, 1.0);
        }
    }
}

model! {
    pub Bounded {
        global top ~ Uniform(1.0, 2.0);
        plate parts(1..=5) {
            local size ~ Uniform(0.0, top);
            observe y ~ Normal(size, 0.1);
        }
    }
}

/// What cannot be told is an error that says so.
#[test]
fn what_a_joint_posterior_cannot_tell_says_why() {
    let model = Towers::default();
    let small = || TrainingConfig { pilot: Some(256), validation: Some(256), ..Default::default() };
    let npe = || model.joint_npe().global_training(small()).local_training(small());
    let data = &model.simulate(1).size("towers", 3).size("jets", 2).seed(seed(1)).one().unwrap().data;
    let joint = npe().size("towers", 3).train(Budget::simulations(2048)).unwrap();
    let posterior = joint.condition(data).unwrap();
    assert_eq!(posterior.sample(0, 1).len(), posterior.names().len());
    let text = |error: &dyn std::error::Error| error.to_string();
    // Floors are drawn given whether their tower is tall; their density with that summed out is not known.
    let error = text(&posterior.importance_sample(&model, data).unwrap_err());
    assert!(error.contains("lacks `level[0]`"), "{error}");
    for share in [0.0, 1.0, f64::NAN] {
        let error = text(&npe().share_of_globals(share).train(Budget::simulations(256)).unwrap_err());
        assert!(error.contains(&format!("is {share}: it must lie between 0 and 1")), "{error}");
    }
    let error = text(&npe().size("jets", 3).train(Budget::simulations(256)).unwrap_err());
    assert!(error.contains("`jets` is random"), "{error}");
    let other = &model.simulate(1).size("towers", 4).seed(seed(1)).one().unwrap().data;
    let error = text(&joint.condition(other).unwrap_err());
    assert!(error.contains("`towers` has 4 elements") && error.contains("for 3 alone"), "{error}");
    let folder = tempfile::tempdir().unwrap();
    joint.save(folder.path()).unwrap();
    let error = text(&JointEstimator::load(&model, folder.path()).unwrap().condition(other).unwrap_err());
    assert!(error.contains("for 3 alone"), "{error}");
    // A posterior of each element alone, in the same folder: what it says counts, not what lies there.
    let alone = npe().without_hierarchy().train(Budget::simulations(512)).unwrap();
    alone.save(folder.path()).unwrap();
    assert!(JointEstimator::load(&model, folder.path()).unwrap().globals().is_none());
    let mut far = data.clone();
    far.jets.seen[0] = 1e39;
    let error = text(&alone.condition(&far).unwrap_err());
    assert!(error.contains("inf"), "{error}");
    let error = text(&Bounded::default().joint_npe().without_hierarchy().train(Budget::simulations(256)).unwrap_err());
    assert!(error.contains("`size[0]` depend on a global"), "{error}");
}
