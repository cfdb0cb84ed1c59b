DELETE FROM auth_groups WHERE name = 'Agents';
