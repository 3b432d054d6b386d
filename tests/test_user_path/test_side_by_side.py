from loma_mm.experiments import Results


def test_rows_of_a_table_on_what_cifar_publishes(user, world, tmp_path):
    """Its pickled batches, the paper's configs, a table at the end."""
    words = ['study', '--table', 1, '--side-by-side', '--seeds', 0, '--rows']
    words += ['CIFAR-10, ResNet-20, Baseline', 'CIFAR-10, ResNet-20, LOMA (ellipse)']
    words += ['--work-dir', tmp_path, '--cfg-options', 'train_cfg.max_epochs=2']
    words += [f'{loader}_dataloader.num_workers=0' for loader in ('train', 'val')]
    assert user(*words) == 0
    results = Results(str(tmp_path / 'table1' / 'results.csv')).read()
    assert {key.name for key, _ in results} == {
        'resnet_cifar/resnet20_1xb128_cifar10',
        'resnet_cifar/resnet20_1xb128-loma-ellipse_cifar10',
    }
    table = (tmp_path / 'table1' / 'table.md').read_text()
    assert 'not run' not in table
    (checkpoint,) = tmp_path.glob('table1/*/resnet20_1xb128_cifar10/seed0/epoch_2.pth')
    assert checkpoint.stat().st_size
